import t from 'tap'
import { commitAndAnnounce } from '../../src/auth/commit-and-announce.js'
import type { NewRevocation } from '../../src/db/journal.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { get, post, refresh, signIn, signUp, verify } from '../support/people.js'
import { forgerOf, payloadOf } from './forger.js'

/** The order of the group of P-256. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** A second signature of the same message that anyone can make without the key: s becomes n − s. */
function twinOf(token: string): string {
  const [header, payload, signature] = token.split('.')
  const bytes = Buffer.from(signature!, 'base64url')
  const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  bytes.write((ORDER - s).toString(16).padStart(64, '0'), 32, 'hex')
  return `${header}.${payload}.${bytes.toString('base64url')}`
}

/** Commits an entry to the journal and tells this instance, as every revoke path does. */
async function revoke({ app }: TestApp, entry: NewRevocation): Promise<void> {
  await commitAndAnnounce(app.context, ({ journal }) => journal.append([entry]))
}

t.test('the twin of a revoked token is revoked: the blacklist goes by the session, not by bytes', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const twin = twinOf(ada.accessToken)
  t.not(twin, ada.accessToken)
  t.equal(await verify(app, twin), 200, 'it is a good signature')
  await post(app, '/auth/logout', {}, { authorization: `Bearer ${ada.accessToken}` })
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
  t.equal(await verify(app, twin), 'token_revoked', 'also the one that was verified before')
  t.equal(await verify(app, twinOf(twin)), 'token_revoked')
})

t.test('a revocation refuses exactly what it names, at once, though it was verified a moment ago', async t => {
  const test = await buildTestApp(t)
  const { app } = test
  const ada = await signUp(app)
  const bob = await signUp(app)
  const other = await signIn(app, ada.email)
  const again = (await refresh(app, ada.refreshToken)).json().access_token as string
  for (const token of [ada.accessToken, again, other.accessToken, bob.accessToken])
    t.equal(await verify(app, token), 200, 'verified, and remembered')

  await revoke(test, { kind: 'token', subject: String(payloadOf(ada.accessToken).jti), reason: 'logout' })
  t.equal(await verify(app, ada.accessToken), 'token_revoked', 'by its jti')
  t.equal(await verify(app, again), 200, 'not the next one of its session')

  await revoke(test, { kind: 'session', subject: ada.sessionId, reason: 'logout' })
  t.equal(await verify(app, again), 'token_revoked', 'by its session')
  t.equal(await verify(app, other.accessToken), 200, 'not another session of the user')

  await revoke(test, { kind: 'user', subject: ada.userId, belowVersion: 1, reason: 'password_changed' })
  t.equal(await verify(app, other.accessToken), 'token_revoked', 'by the version of the user')
  t.equal(await verify(app, bob.accessToken), 200, 'not another user')

  await revoke(test, { kind: 'realm', before: Number(payloadOf(bob.accessToken).iat) + 1, reason: 'sign_everyone_out' })
  t.equal(await verify(app, bob.accessToken), 'token_revoked', 'by its instant')
})

t.test('bounds are exclusive: what has exactly the version or the instant is still good', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const { iat, ver } = payloadOf(ada.accessToken) as { iat: number; ver: number }
  await revoke(test, { kind: 'user', subject: ada.userId, belowVersion: ver, reason: 'password_changed' })
  await revoke(test, { kind: 'user', subject: ada.userId, before: iat, reason: 'roles_changed' })
  await revoke(test, { kind: 'realm', before: iat, reason: 'sign_everyone_out' })
  t.equal(await verify(test.app, ada.accessToken), 200)
})

t.test('a token older than a change of its user is stale, and a refresh gives a good one', async t => {
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

t.test('a revoked key takes every token of its own with it, remembered or new', async t => {
  const test = await buildTestApp(t)
  const { app } = test
  const ada = await signUp(app)
  const forger = await forgerOf(test, ada.accessToken)
  t.equal(await verify(app, ada.accessToken), 200)
  await revoke(test, { kind: 'key', subject: forger.kid, reason: 'compromised' })
  t.equal(await verify(app, ada.accessToken), 'token_stale', 'one that was remembered')
  t.equal(await verify(app, forger.token({}, { jti: 'made-by-the-thief' })), 'token_stale', 'one that is new')
  t.notMatch((await app.inject('/.well-known/jwks.json')).body, forger.kid)
})

t.test('a dropped key verifies nothing, what it verified before included, and does not come back', async t => {
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
  t.equal(stores.db.statementsSent, before, 'nor is it looked for again')
})

t.test('a remembered verification ends with its token, to the second', async t => {
  const { app, clock, config } = await buildTestApp(t)
  const ada = await signUp(app)
  const { iat, exp } = payloadOf(ada.accessToken) as { iat: number; exp: number }
  t.equal(exp - iat, config.accessTokenTtlSeconds)
  t.equal(await verify(app, ada.accessToken), 200)
  await clock.advance(config.accessTokenTtlSeconds - 5)
  t.equal(await verify(app, ada.accessToken), 200, 'shortly before')
  await clock.advance(5)
  t.equal(await verify(app, ada.accessToken), 'token_expired')
  t.equal(await verify(app, ada.accessToken), 'token_expired', 'and it stays so')
  t.equal(await verify(app, twinOf(ada.accessToken)), 'token_expired')
})

t.test('what is remembered of one token is not taken for another', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const forger = await forgerOf(test, ada.accessToken)
  // CVE-2026-35039: a cache whose keys collide hands out somebody else's identity.
  const people = Array.from({ length: 50 }, (_, index) => `user-${index}`)
  const tokens = people.map(sub => forger.token({}, { sub }))
  for (const round of ['first', 'remembered']) {
    const answers = await Promise.all(tokens.map(token => get(test.app, '/auth/verify', token)))
    t.same(
      answers.map(({ headers }) => headers['x-auth-subject']),
      people,
      round,
    )
  }
})
