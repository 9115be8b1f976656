import type { Test } from 'tap'
import { startInstances } from '../../faults/instances.js'
import { makeClient } from '../../support/clients.js'
import { startFaultProxy } from '../../support/fault-proxy.js'
import { type Person, post } from '../../support/people.js'
import { listen } from '../../support/raw-request.js'
import { knownVerdict, startVerifier, type TestVerifier, verdict } from '../verifiers.js'

/** Two instances of the real service behind fault proxies, and a verifier that reaches the first one through another. */
export async function followInstances(t: Test, { maxStalenessSeconds = 60 } = {}) {
  const instances = await startInstances(t)
  const { a, b } = instances
  const ports = [await listen(a.app), await listen(b.app)]
  const gateway = await startFaultProxy(t, { target: `http://127.0.0.1:${ports[0]}` })
  const client = await makeClient(a.app, 'revocations')
  const { issuer } = a.app.context.config
  const credentials = { id: client.id, secret: client.secret }
  const options = { issuer, baseUrl: gateway.url.replace(/\/$/, ''), client: credentials, maxStalenessSeconds }
  const verifier = startVerifier(t, options)
  await verifier.ready({ timeoutMs: 20_000 })
  return { ...instances, gateway, ports, client, verifier, options }
}

/** A user whose token the verifier knows. */
export async function known(verifier: TestVerifier, person: Promise<Person>): Promise<Person> {
  const user = await person
  const result = await verdict(verifier.verify(user.accessToken))
  if (result !== 'valid') throw new Error(`a new token is refused: ${result}`)
  return user
}

export async function logOut(app: Parameters<typeof post>[0], { refreshToken }: Person): Promise<void> {
  const { statusCode, body } = await post(app, '/auth/logout', { refresh_token: refreshToken })
  if (statusCode !== 204) throw new Error(`the logout failed: ${body}`)
}

export function isRefused(verifier: TestVerifier, { accessToken }: Person): () => boolean {
  return () => knownVerdict(verifier, accessToken) === 'token_revoked'
}
