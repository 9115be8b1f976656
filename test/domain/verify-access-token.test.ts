import { createHash } from 'node:crypto'
import { RevocationList } from '@latchkey/verifier/core'
import t from 'tap'
import type { Algorithm } from '../../src/domain/keys/signing-key.js'
import { createAccessTokenVerifier } from '../../src/domain/tokens/verify-access-token.js'
import type { LatchkeyError } from '../../src/lib/errors.js'
import type { NewRevocation } from '../../src/postgres/journal.js'

const NOW = 1_800_000_000
const ISSUER = 'https://auth.example.com'

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A verifier that accepts every signature unless a test says otherwise, with a clock that the test sets. */
function build({ cacheSize = 10 } = {}) {
  const keys = new Map<string, Algorithm>([['key-1', 'ES256']])
  const list = new RevocationList()
  let nowSeconds = NOW
  let checks = 0
  let areSignaturesValid = true
  let dropKey = (_kid: string) => {}
  const check = (token: string) => {
    checks++
    if (!areSignaturesValid) return undefined
    return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
  }
  const keyring = {
    forKid: async (kid: string) => {
      const alg = keys.get(kid)
      return alg && { kid, alg, publicPem: '', verify: check }
    },
    onDropped: (listener: (kid: string) => void) => {
      dropKey = listener
    },
  }
  const verifier = createAccessTokenVerifier({
    issuer: ISSUER,
    audience: ISSUER,
    keyring,
    revocations: list,
    clock: () => nowSeconds * 1000,
    cacheSize,
  })
  const outcome = (promise: Promise<unknown>) =>
    promise.then(
      () => 'good',
      (error: LatchkeyError) => error.code,
    )
  return {
    keys,
    verifier,
    dropKey: (kid: string) => dropKey(kid),
    failSignatures: (areFailing: boolean) => {
      areSignaturesValid = !areFailing
    },
    revoke: (entry: NewRevocation) => list.add({ ...entry, expiresAt: null }),
    at: (seconds: number) => {
      nowSeconds = seconds
    },
    checks: () => checks,
    verify: (token: string) => outcome(verifier.verify(token)),
    identify: (token: string) => outcome(verifier.identify(token)),
    outcome,
  }
}

function tokenOf(payload: Record<string, unknown> = {}, header: Record<string, unknown> = {}): string {
  const claims = {
    iss: ISSUER,
    aud: ISSUER,
    sub: 'user-1',
    iat: NOW,
    exp: NOW + 900,
    jti: 'token-1',
    sid: 'session-1',
    client_id: 'latchkey',
    auth_time: NOW,
    ver: 1,
    gen: 0,
    roles: [],
    ...payload,
  }
  const signed = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1', ...header })}.${encode(claims)}`
  return `${signed}.${createHash('sha512').update(signed).digest('base64url')}`
}

t.test('the signature of an access token is checked once, its expiry at every call', async t => {
  const { verify, checks, at } = build()
  const token = tokenOf()
  for (let times = 0; times < 3; times++) t.equal(await verify(token), 'good')
  t.equal(checks(), 1)
  at(NOW + 899.999)
  t.equal(await verify(token), 'good')
  at(NOW + 900)
  t.equal(await verify(token), 'token_expired')
  at(NOW)
  t.equal(await verify(token), 'good')
  t.equal(checks(), 2, 'an expired token is no longer cached')
})

t.test('a revocation applies from the next call, whatever is cached', async t => {
  for (const [entry, code] of [
    [{ kind: 'session', subject: 'session-1' }, 'token_revoked'],
    [{ kind: 'token', subject: 'token-1' }, 'token_revoked'],
    [{ kind: 'user', subject: 'user-1', belowVersion: 2 }, 'token_revoked'],
    [{ kind: 'user', subject: 'user-1', before: NOW + 1 }, 'token_stale'],
    [{ kind: 'key', subject: 'key-1' }, 'token_stale'],
    [{ kind: 'realm', before: NOW + 1 }, 'token_revoked'],
  ] as const) {
    const { verify, revoke } = build()
    t.equal(await verify(tokenOf()), 'good')
    revoke({ ...entry, reason: 'test' })
    t.equal(await verify(tokenOf()), code, entry.kind)
    t.equal(await verify(tokenOf({ exp: NOW + 800 })), code, 'another token that the entry covers')
  }
})

t.test('a wrong algorithm, key or type is refused before any signature is checked', async t => {
  const { verify, checks } = build()
  for (const header of [{ alg: 'EdDSA' }, { alg: 'HS256' }, { alg: 'none' }, { kid: 'key-2' }, { typ: 'JWT' }])
    t.equal(await verify(tokenOf({}, header)), 'token_invalid', JSON.stringify(header))
  t.equal(checks(), 0)
})

t.test('dropping a signing key removes its cached tokens and no others', async t => {
  const { verify, dropKey, keys, checks } = build()
  keys.set('key-2', 'RS256')
  const other = tokenOf({}, { alg: 'RS256', kid: 'key-2' })
  t.same([await verify(tokenOf()), await verify(other)], ['good', 'good'])
  keys.delete('key-1')
  dropKey('key-1')
  t.same([await verify(tokenOf()), await verify(other)], ['token_invalid', 'good'])
  t.equal(checks(), 2)
})

t.test('iss and aud must be exactly the configured texts', async t => {
  const { verify } = build()
  for (const claim of ['iss', 'aud'])
    for (const value of [undefined, null, '', `${ISSUER}/`, [ISSUER], { [ISSUER]: 1 }])
      t.equal(await verify(tokenOf({ [claim]: value })), 'token_invalid', `${claim} ${JSON.stringify(value)}`)
})

t.test('nbf is checked with thirty seconds of clock tolerance', async t => {
  const { verify, identify } = build()
  t.equal(await verify(tokenOf({ nbf: NOW + 30 })), 'good')
  t.equal(await verify(tokenOf({ nbf: NOW + 31 })), 'token_invalid')
  t.equal(await identify(tokenOf({ nbf: NOW + 31 })), 'token_invalid')
  for (const nbf of ['1', null, 0.5, {}]) t.equal(await verify(tokenOf({ nbf })), 'token_invalid', JSON.stringify(nbf))
})

t.test('a genuine access token that expired or was revoked still identifies its bearer, and no other does', async t => {
  const { verify, identify, revoke, at, keys } = build()
  const token = tokenOf()
  revoke({ kind: 'session', subject: 'session-1', reason: 'logout' })
  at(NOW + 10_000)
  t.equal(await identify(token), 'good')
  t.equal(await verify(token), 'token_expired', 'identifying its bearer does not make a token valid')
  t.equal(await identify(tokenOf({ aud: 'https://evil.example' })), 'token_invalid')
  keys.clear()
  t.equal(await identify(tokenOf({ jti: 'token-2' })), 'token_invalid')
})

t.test('an invalid signature is not cached, and neither is its failure', async t => {
  const { verify, failSignatures } = build()
  const token = tokenOf()
  failSignatures(true)
  t.equal(await verify(token), 'token_invalid')
  failSignatures(false)
  t.equal(await verify(token), 'good', 'the failure is not cached either')
})

t.test('a token with the signature of a known token is another token', async t => {
  const { verify, verifier, checks } = build()
  const known = tokenOf()
  const [header, , signature] = known.split('.')
  const changed = `${header}.${tokenOf({ sub: 'user-2' }).split('.')[1]}.${signature}`
  t.equal(await verify(known), 'good')
  t.equal(verifier.verifyKnown(known)?.userId, 'user-1')
  t.equal(verifier.verifyKnown(changed), undefined)
  await verify(changed)
  t.equal(checks(), 2, 'its own signature is checked')
})

t.test('the cache of verified tokens is limited in size', async t => {
  const { verify, checks } = build({ cacheSize: 10 })
  const tokens = Array.from({ length: 100 }, (_, index) => tokenOf({ jti: `token-${index}` }))
  for (const token of tokens) await verify(token)
  t.equal(checks(), 100)
  for (const token of tokens.slice(-10)) await verify(token)
  t.equal(checks(), 100, 'the last ten are cached')
  await verify(tokens[0]!)
  t.equal(checks(), 101, 'the first is no longer cached')
})
