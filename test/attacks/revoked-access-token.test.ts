import t from 'tap'
import { commitAndAnnounce } from '../../src/domain/commit-and-announce.js'
import type { NewRevocation } from '../../src/postgres/journal.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { get, post, refresh, signIn, signUp, verify } from '../support/people.js'
import { forgerOf, payloadOf } from './forger.js'

/** The order of the group of P-256. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** The token with a second valid signature, which anyone can make without the key: s becomes n − s. */
function withSecondSignature(token: string): string {
  const [header, payload, signature] = token.split('.')
  const bytes = Buffer.from(signature!, 'base64url')
  const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  bytes.write((ORDER - s).toString(16).padStart(64, '0'), 32, 'hex')
  return `${header}.${payload}.${bytes.toString('base64url')}`
}

/** Commits an entry to the journal and announces it to this instance, as every revocation does. */
async function revoke({ app }: TestApp, entry: NewRevocation): Promise<void> {
  await commitAndAnnounce(app.context, ({ journal }) => journal.append([entry]))
}

t.test('a second valid signature does not make a revoked token valid: the blacklist compares claims', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const other = withSecondSignature(ada.accessToken)
  t.not(other, ada.accessToken)
  t.equal(await verify(app, other), 200, 'the second signature is valid')
  await post(app, '/auth/logout', {}, { authorization: `Bearer ${ada.accessToken}` })
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
  t.equal(await verify(app, other), 'token_revoked', 'although it was verified before')
  t.equal(await verify(app, withSecondSignature(other)), 'token_revoked')
})

t.test('a revocation refuses exactly the tokens it names, at once, although they are cached as verified', async t => {
  const test = await buildTestApp(t)
  const { app } = test
  const ada = await signUp(app)
  const bob = await signUp(app)
  const other = await signIn(app, ada.email)
  const again = (await refresh(app, ada.refreshToken)).json().access_token as string
  for (const token of [ada.accessToken, again, other.accessToken, bob.accessToken])
    t.equal(await verify(app, token), 200, 'verified and cached')

  await revoke(test, { kind: 'token', subject: String(payloadOf(ada.accessToken).jti), reason: 'logout' })
  t.equal(await verify(app, ada.accessToken), 'token_revoked', 'by its jti')
  t.equal(await verify(app, again), 200, 'not the next token of its session')

  await revoke(test, { kind: 'session', subject: ada.sessionId, reason: 'logout' })
  t.equal(await verify(app, again), 'token_revoked', 'by its session')
  t.equal(await verify(app, other.accessToken), 200, 'not another session of the user')

  await revoke(test, { kind: 'user', subject: ada.userId, belowVersion: 1, reason: 'password_changed' })
  t.equal(await verify(app, other.accessToken), 'token_revoked', 'by the version of the user')
  t.equal(await verify(app, bob.accessToken), 200, 'not another user')

  await revoke(test, { kind: 'realm', before: Number(payloadOf(bob.accessToken).iat) + 1, reason: 'sign_everyone_out' })
  t.equal(await verify(app, bob.accessToken), 'token_revoked', 'by its issue time')
})

t.test('revocation bounds are exclusive: a token with exactly the version or time is still valid', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const { iat, ver } = payloadOf(ada.accessToken) as { iat: number; ver: number }
  await revoke(test, { kind: 'user', subject: ada.userId, belowVersion: ver, reason: 'password_changed' })
  await revoke(test, { kind: 'user', subject: ada.userId, before: iat, reason: 'roles_changed' })
  await revoke(test, { kind: 'realm', before: iat, reason: 'sign_everyone_out' })
  t.equal(await verify(test.app, ada.accessToken), 200)
})

t.test('an access token older than a change of its user’s roles is stale, and a refresh gives a valid one', async t => {
  const test = await buildTestApp(t)
  const { app, clock } = test
  const ada = await signUp(app)
  await clock.advance(60)
  const before = Math.ceil(clock.now() / 1000) - 30
  await revoke(test, { kind: 'user', subject: ada.userId, before, reason: 'roles_changed' })
  const response = await get(app, '/auth/profile', ada.accessToken)
  t.match(response, { statusCode: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
  t.equal(response.json().code, 'token_stale')
  t.equal(await verify(app, (await refresh(app, ada.refreshToken)).json().access_token), 200)
})

t.test('revoking a signing key makes all its tokens stale, cached or new', async t => {
  const test = await buildTestApp(t)
  const { app } = test
  const ada = await signUp(app)
  const forger = await forgerOf(test, ada.accessToken)
  t.equal(await verify(app, ada.accessToken), 200)
  await revoke(test, { kind: 'key', subject: forger.kid, reason: 'compromised' })
  t.equal(await verify(app, ada.accessToken), 'token_stale', 'a cached token')
  t.equal(await verify(app, forger.token({}, { jti: 'made-by-the-thief' })), 'token_stale', 'a new token')
  t.notMatch((await app.inject('/.well-known/jwks.json')).body, forger.kid)
})

t.test('a dropped signing key verifies no token, not even a cached one, and is not loaded again', async t => {
  const test = await buildTestApp(t)
  const { app, clock, stores } = test
  const ada = await signUp(app)
  const forger = await forgerOf(test, ada.accessToken)
  t.equal(await verify(app, ada.accessToken), 200)
  app.context.keyring.drop(forger.kid)
  t.equal(await verify(app, ada.accessToken), 'token_stale')
  await app.context.keyring.reload()
  await clock.advance(11)
  const before = stores.db.statementsSent
  t.equal(await verify(app, forger.token({})), 'token_stale')
  t.equal(stores.db.statementsSent, before, 'the key is not looked up again')
})

t.test('a cached verification ends exactly when its token expires', async t => {
  const { app, clock, config } = await buildTestApp(t)
  const ada = await signUp(app)
  const { iat, exp } = payloadOf(ada.accessToken) as { iat: number; exp: number }
  t.equal(exp - iat, config.accessTokenTtlSeconds)
  t.equal(await verify(app, ada.accessToken), 200)
  await clock.advance(config.accessTokenTtlSeconds - 5)
  t.equal(await verify(app, ada.accessToken), 200, 'five seconds before the expiry')
  await clock.advance(5)
  t.equal(await verify(app, ada.accessToken), 'token_expired')
  t.equal(await verify(app, ada.accessToken), 'token_expired', 'it stays expired')
  t.equal(await verify(app, withSecondSignature(ada.accessToken)), 'token_expired')
})

t.test('the cached verification of one token is never used for another', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const forger = await forgerOf(test, ada.accessToken)
  // CVE-2026-35039: a cache whose keys collide returns the identity of another user.
  const people = Array.from({ length: 50 }, (_, index) => `user-${index}`)
  const tokens = people.map(sub => forger.token({}, { sub }))
  for (const round of ['first', 'cached']) {
    const answers = await Promise.all(tokens.map(token => get(test.app, '/auth/verify', token)))
    t.same(
      answers.map(({ headers }) => headers['x-auth-subject']),
      people,
      round,
    )
  }
})
