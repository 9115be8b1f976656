import type { AddressInfo } from 'node:net'
import type { Verifier } from '@latchkey/verifier'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { asClient, makeClient } from '../support/clients.js'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js'
import { signUp } from '../support/people.js'
import { knownVerdict, startVerifier } from '../verifier/verifiers.js'

/** A process of another service, and its network. */
export interface Member {
  name: string
  verifier: Verifier
  proxy: FaultProxy
}

export interface LiveToken {
  userId: string
  sessionId: string
  accessToken: string
}

export interface Revoked {
  status: number
  /** The header `Revocation-Receipt`. */
  receipt: unknown
  /** The names of the verifiers that have not confirmed it. */
  lagging: string[]
  ms: number
}

/** Verifiers that follow two instances, each through a network of its own. */
export interface Fleet {
  members: Member[]
  instances: TestApp[]
  urls: string[]
  openSession(): Promise<LiveToken>
  /** Revokes a session at one of the instances, and waits for a receipt. */
  revoke(token: LiveToken, waitSeconds: number): Promise<Revoked>
  /** The members that accept a token at this moment. */
  accepting(token: LiveToken): string[]
}

export async function startFleet(t: Test, size: number, stalenessOf: (place: number) => number): Promise<Fleet> {
  const first = await buildTestApp(t, { MAX_SESSIONS_PER_USER: '0' })
  const instances = [first, await first.another()]
  const urls = await Promise.all(instances.map(({ app }) => listen(app)))
  const client = await makeClient(first.app, 'revocations')
  const issuer = {
    issuer: first.config.issuer,
    audience: first.config.audience,
    client: { id: client.id, secret: client.secret },
  }
  const members = await Promise.all(
    Array.from({ length: size }, async (_, place): Promise<Member> => {
      const name = `service-${place}`
      const proxy = await startFaultProxy(t, { target: urls[place % 2]! })
      const verifier = startVerifier(t, {
        ...issuer,
        name,
        baseUrl: proxy.url.replace(/\/$/, ''),
        maxStalenessSeconds: stalenessOf(place),
      })
      return { name, verifier, proxy }
    }),
  )
  await Promise.all(members.map(({ verifier }) => verifier.ready({ timeoutMs: 20_000 })))

  // All instances accept the token of a client; it expires after five minutes, and a long run takes longer.
  let signedIn = { atMs: performance.now(), headers: asClient(first.app, 'sessions', 'admin') }
  const asService = () => {
    if (performance.now() - signedIn.atMs > 120_000)
      signedIn = { atMs: performance.now(), headers: asClient(first.app, 'sessions', 'admin') }
    return signedIn.headers
  }
  const users = await Promise.all(Array.from({ length: 20 }, () => signUp(first.app)))
  let turn = 0
  const next = () => turn++ % 2
  return {
    members,
    instances,
    urls,
    async openSession() {
      const place = next()
      const { userId } = users[turn % users.length]!
      const { app } = instances[place]!
      const answer = await app.inject({
        method: 'POST',
        url: `/admin/users/${userId}/sessions`,
        headers: await asService(),
        payload: {},
      })
      if (answer.statusCode !== 201) throw new Error(answer.body)
      const { access_token: accessToken, session_id: sessionId } = answer.json()
      // Each one has verified it before, so later it is decided without a signature.
      await Promise.all(members.map(({ verifier }) => verifier.verify(accessToken).catch(() => {})))
      return { userId, sessionId, accessToken }
    },
    async revoke({ userId, sessionId }, waitSeconds) {
      const place = next()
      const begunAt = performance.now()
      const answer = await instances[place]!.app.inject({
        method: 'DELETE',
        url: `/admin/users/${userId}/sessions/${sessionId}`,
        headers: { ...(await asService()), prefer: `wait=${waitSeconds}` },
      })
      const ms = performance.now() - begunAt
      const lagging = answer.statusCode === 202 ? answer.json().verifiers.map(({ name }: { name: string }) => name) : []
      return { status: answer.statusCode, receipt: answer.headers['revocation-receipt'], lagging, ms }
    },
    accepting: ({ accessToken }) =>
      members.filter(({ verifier }) => knownVerdict(verifier, accessToken) === 'valid').map(({ name }) => name),
  }
}

async function listen(app: FastifyInstance): Promise<string> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
}
