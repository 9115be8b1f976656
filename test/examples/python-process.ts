import { resolve } from 'node:path'
import type { Test } from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { makeClient } from '../support/clients.js'
import { until } from '../support/eventually.js'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js'
import { findPython } from '../support/find-python.js'
import { type Person, signUp } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { skipWithout } from '../support/skip-without.js'
import { verdict } from './ask-service.js'
import { type ExampleProcess, startExampleProcess } from './example-process.js'

export const FILE = resolve(import.meta.dirname, '../../examples/python-service/service.py')
export const python = await findPython('jwt, cryptography')
export const skip = skipWithout(
  python !== undefined,
  'no Python has PyJWT and cryptography: install Debian’s python3-jwt and python3-cryptography',
)

export interface PythonSetting extends TestApp {
  /** Between the services and Latchkey. */
  network: FaultProxy
  env: NodeJS.ProcessEnv
  user: Person
  /** Starts the service, and waits until it has the revocations. */
  serve(env?: NodeJS.ProcessEnv): Promise<ExampleProcess>
}

/** Starts Latchkey, and a client of it for the Python service. */
export async function open(t: Test): Promise<PythonSetting> {
  const test = await buildTestApp(t)
  const network = await startFaultProxy(t, { target: `http://127.0.0.1:${await listen(test.app)}` })
  const { id, secret } = await makeClient(test.app, 'revocations')
  const env = {
    LATCHKEY_ISSUER: test.config.issuer,
    LATCHKEY_URL: network.url.replace(/\/$/, ''),
    LATCHKEY_CLIENT_ID: id,
    LATCHKEY_CLIENT_SECRET: secret,
    MAX_STALENESS: '5',
  }
  const user = await signUp(test.app)
  const serve = async (more: NodeJS.ProcessEnv = {}) => {
    const service = await startExampleProcess(t, python!, [FILE], { ...env, ...more })
    await until(
      async () => (await fetch(`${service.url}/ready`)).status === 200,
      `it has the revocations: ${service.output()}`,
    )
    return service
  }
  return { ...test, network, env, user, serve }
}

/** Repeats the request until the token gets this verdict. */
export function reaches(service: ExampleProcess, user: Person, expected: number | string): Promise<void> {
  return until(
    async () => (await verdict(service, user)) === expected,
    `${expected}, and not ${JSON.stringify(user)}: ${service.output()}`,
  )
}

export const bearer = ({ accessToken }: Person) => ({ authorization: `Bearer ${accessToken}` })
