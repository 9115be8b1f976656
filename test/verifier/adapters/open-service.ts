import { createVerifier, type Verifier, type VerifierOptions } from '@latchkey/verifier'
import type { Test } from 'tap'
import { type Forger, forgerOf } from '../../attacks/forger.js'
import { buildTestApp, type TestApp } from '../../support/build-test-app.js'
import { type Person, signUp } from '../../support/people.js'
import { listen } from '../../support/raw-request.js'

export interface OpenService extends TestApp {
  /** Its address on this machine. */
  url: string
  /** A user who has just signed in. */
  user: Person
  /** Makes tokens of this user with other claims. */
  forger: Forger
  /** An offline verifier, ready. */
  verifier: Verifier
  /** Another verifier of this service. It is closed after the test. */
  verifierWith(options?: Partial<VerifierOptions>): Verifier
}

/** Starts Latchkey on a port, with a user and a verifier of its tokens. */
export async function openService(t: Test, overrides: NodeJS.ProcessEnv = {}): Promise<OpenService> {
  const test = await buildTestApp(t, overrides)
  const url = `http://127.0.0.1:${await listen(test.app)}`
  const verifierWith = (options: Partial<VerifierOptions> = {}) => {
    const verifier = createVerifier({ issuer: test.config.issuer, baseUrl: url, log: SILENT, ...options })
    t.teardown(() => verifier.close())
    return verifier
  }
  const verifier = verifierWith()
  await verifier.ready({ timeoutMs: 10_000 })
  const user = await signUp(test.app)
  return { ...test, url, user, forger: await forgerOf(test, user.accessToken), verifier, verifierWith }
}

const SILENT = { info() {}, warn() {}, error() {} }

/** A verifier that knows no token yet, and that does something else in some of its methods. */
export function verifierThat(verifier: Verifier, methods: Partial<Verifier>): Verifier {
  return Object.assign(Object.create(verifier), { verifyKnown: () => undefined, ...methods })
}
