import { spawn } from 'node:child_process'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Test } from 'tap'
import { eventually } from '../support/eventually.js'
import { findFreePort } from '../support/free-port.js'
import { HttpClient } from '../support/http-client.js'
import { type ConsumerOptions, compile, makeConsumer } from './packed-consumer.js'

const root = resolve(import.meta.dirname, '../..')
export const example = join(root, 'examples/embedded-in-fastify')

/** The first start creates a Postgres. */
const START_TIMEOUT_MS = 60_000

/** What docs/fastify.md shows to an application with its own copy of Fastify. */
async function declarationOfDocs(): Promise<string> {
  const page = await readFile(join(root, 'docs/fastify.md'), 'utf8')
  return /```ts\n(import type \{ Principal \}.*?)```/s.exec(page)![1]!
}

/** Compiles the example against the package, with every type of every package checked, and starts it. */
export async function startExample(t: Test, options: ConsumerOptions = {}) {
  const folder = await makeConsumer(t, options)
  for (const name of ['package.json', 'tsconfig.json', 'server.ts']) await cp(join(example, name), join(folder, name))
  if (options.ownFastify) await writeFile(join(folder, 'principal.ts'), await declarationOfDocs())
  t.equal(await compile(folder), '', 'it compiles without skipLibCheck')

  const port = await findFreePort()
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, ['build/server.js'], { cwd: folder, env: { PATH, HOME, PORT: String(port) } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += chunk
    })
  }
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve))
  t.teardown(async () => {
    child.kill('SIGTERM')
    await exited
  })
  return {
    folder,
    output: () => output,
    exited,
    async client() {
      await eventually(async () => {
        if (!output.includes('ready at') && child.exitCode === null) throw new Error(`It is not ready:\n${output}`)
      }, START_TIMEOUT_MS)
      const client = new HttpClient(`http://127.0.0.1:${port}`)
      t.teardown(() => client.close())
      return client
    },
    stop() {
      child.kill('SIGTERM')
      return exited
    },
  }
}
