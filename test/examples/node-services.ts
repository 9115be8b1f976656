import { cp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Test } from 'tap'
import { installVerifier } from '../support/build-package.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { type ExampleProcess, startExampleProcess } from './example-process.js'

/** The examples of services that use `@latchkey/verifier`, with the packages that each needs in addition. */
export const NODE_SERVICES = {
  'fastify-service': ['fastify'],
  'express-service': ['express'],
  'http-service': ['ws'],
} as const

export type NodeService = keyof typeof NODE_SERVICES

const EXAMPLES = resolve(import.meta.dirname, '../../examples')

/** Starts an example in a folder of its own, in which its packages are installed as for anybody else. */
export async function startNodeService(t: Test, name: NodeService, env: NodeJS.ProcessEnv): Promise<ExampleProcess> {
  const folder = await makeFolder(t)
  await installVerifier(folder, NODE_SERVICES[name])
  await cp(join(EXAMPLES, name), folder, { recursive: true })
  return startExampleProcess(t, process.execPath, [join(folder, 'server.mjs')], env)
}
