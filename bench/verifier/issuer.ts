import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type Algorithm,
  encodeHeartbeat,
  encodeRevocation,
  encodeRevocations,
  encodeStart,
  MAX_ENTRIES,
  type Revocation,
} from '@latchkey/verifier/core'

/** Speaks as Latchkey does to its verifiers, with any number of revocations and without any cost of its own. */
export interface Issuer {
  url: string
  client: { id: string; secret: string }
  /** Makes so many revocations, which each new follower gets from then on. */
  prepare(revocations: number): void
  /** Access tokens that no revocation refuses. */
  tokens(count: number): string[]
  stop(): Promise<void>
}

export async function startIssuer(): Promise<Issuer> {
  const pair = signingPair('ES256')
  let snapshot: readonly string[] = []
  const server = createServer((request, response) => {
    request.resume()
    const { pathname } = new URL(request.url!, issuer.url)
    const json = (value: unknown) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    if (pathname === '/.well-known/jwks.json') json({ keys: [pair.jwk] })
    else if (pathname === '/oauth/token') json({ access_token: 'a-token', token_type: 'Bearer', expires_in: 300 })
    else if (pathname === '/auth/activity') response.writeHead(204).end()
    else if (pathname === '/auth/revocations') void follow(response, snapshot)
    else json({ issuer: issuer.url })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const issuer: Issuer = {
    url,
    client: { id: randomUUID(), secret: 'the-secret-of-the-bench' },
    prepare(revocations) {
      snapshot = Array.from({ length: Math.ceil(revocations / MAX_ENTRIES) }, (_, event) => {
        const count = Math.min(MAX_ENTRIES, revocations - event * MAX_ENTRIES)
        return encodeRevocations(Array.from({ length: count }, (_, at) => entry(at)).flatMap(encodeRevocation))
      })
    },
    tokens: count => Array.from({ length: count }, () => signToken(url, pair)),
    async stop() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return issuer
}

async function follow(response: ServerResponse, snapshot: readonly string[]): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const timeMs = Date.now()
  response.write(encodeStart({ nowMs: performance.now(), timeMs, isSnapshot: true, reportEveryMs: 1000 }))
  for (const event of snapshot) if (!response.destroyed && !response.write(event)) await drained(response)
  const position = { position: '1795870000.123/7:7:' }
  const beat = () =>
    response.write(
      encodeHeartbeat(
        { asOfMs: performance.now(), timeMs: Date.now(), reportEveryMs: undefined, ...position },
        { serverStart: '1795870000.123', xid: '7' },
      ),
    )
  beat()
  const timer = setInterval(beat, 1000)
  response.on('close', () => clearInterval(timer))
}

function drained(response: ServerResponse): Promise<unknown> {
  const ended = new AbortController()
  const { signal } = ended
  return Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })])
    .finally(() => ended.abort())
    .catch(() => {})
}

/** Most revocations are of sessions. */
function entry(at: number): Revocation {
  const rest = { reason: 'logout', expiresAt: Date.now() + 7_000_000 }
  if (at % 10 === 0) return { kind: 'user', subject: randomUUID(), belowVersion: 2, ...rest }
  return { kind: 'session', subject: randomUUID(), ...rest }
}

export interface SigningPair {
  alg: Algorithm
  publicKey: KeyObject
  privateKey: KeyObject
  jwk: Record<string, unknown> & { kid: string; kty: string }
}

export function signingPair(alg: Algorithm): SigningPair {
  const { publicKey, privateKey } = {
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  }[alg]()
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: randomUUID(), alg, use: 'sig' }
  return { alg, publicKey, privateKey, jwk: jwk as SigningPair['jwk'] }
}

export function signToken(issuer: string, { alg, privateKey, jwk }: SigningPair): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: issuer,
    aud: issuer,
    sub: randomUUID(),
    iat: now,
    exp: now + 3600,
    jti: randomUUID(),
    sid: randomUUID(),
    client_id: 'latchkey',
    auth_time: now,
    ver: 1,
    gen: 3,
    roles: ['editor'],
    roles_version: 1,
  }
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${encode({ alg, typ: 'at+jwt', kid: jwk.kid })}.${encode(claims)}`
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
  return `${signed}.${sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(signed), key).toString('base64url')}`
}
