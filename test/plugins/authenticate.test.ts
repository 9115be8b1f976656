import { randomUUID } from 'node:crypto'
import t from 'tap'
import { encode, forgerOf, payloadOf } from '../attacks/forger.js'
import { buildTestApp } from '../support/build-test-app.js'
import { get, post, refreshed, signUp, verify } from '../support/people.js'

const algorithmOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).alg

for (const JWT_ALGORITHM of ['ES256', 'EdDSA', 'RS256']) {
  t.test(`${JWT_ALGORITHM} works from sign-up to logout`, async t => {
    const { app } = await buildTestApp(t, { JWT_ALGORITHM })
    const ada = await signUp(app)
    t.equal(algorithmOf(ada.accessToken), JWT_ALGORITHM)
    t.equal(await verify(app, ada.accessToken), 200)
    t.equal((await get(app, '/auth/profile', ada.accessToken)).json().email, ada.email)
    await refreshed(app, ada.refreshToken)
    await post(app, '/auth/logout', {}, { authorization: `Bearer ${ada.accessToken}` })
    t.equal(await verify(app, ada.accessToken), 'token_revoked')
  })
}

t.test(
  'a token minted before a change of JWT_ALGORITHM stays good, and one minted after it is good everywhere',
  async t => {
    const before = await buildTestApp(t)
    const old = await signUp(before.app)
    const after = await before.another({ JWT_ALGORITHM: 'EdDSA' })
    t.equal(await verify(after.app, old.accessToken), 200)
    t.equal(algorithmOf((await signUp(after.app)).accessToken), 'ES256', 'the new key is published before it signs')

    await before.clock.advance(11 * 60)
    const young = await signUp(after.app)
    t.equal(algorithmOf(young.accessToken), 'EdDSA')
    t.equal(await verify(after.app, young.accessToken), 200)
    t.equal(await verify(before.app, young.accessToken), 200, 'an instance that never heard of the key asks for it')
    t.equal(await verify(after.app, old.accessToken), 200, 'for as long as it lives')
  },
)

t.test('unknown key ids take no connection from the requests: the keys are read where the journal is', async t => {
  const { app, stores, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  const [, payload, signature] = ada.accessToken.split('.')
  const guess = () =>
    `${encode(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: randomUUID() }))}.${payload}.${signature}`
  const guesses = async () => {
    const before = stores.db.statementsSent
    for (let tries = 0; tries < 50; tries++) t.equal(await verify(app, guess()), 'token_invalid')
    await Promise.all(Array.from({ length: 50 }, () => verify(app, guess())))
    return stores.db.statementsSent - before
  }
  t.equal(await guesses(), 0)
  await clock.advance(2)
  t.equal(await guesses(), 0)
})

t.test('while the keys cannot be read, what is known is verified and what is not is refused', async t => {
  const { app, stores } = await buildTestApp(t)
  const ada = await signUp(app)
  const [, payload, signature] = ada.accessToken.split('.')
  await stores.db.close()
  const header = encode(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: 'unknown' }))
  t.equal(await verify(app, `${header}.${payload}.${signature}`), 'token_invalid')
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('verifying asks no store, the first time or later', async t => {
  const { app, stores } = await buildTestApp(t)
  const ada = await signUp(app)
  const before = stores.db.statementsSent
  for (let times = 0; times < 10; times++) t.equal(await verify(app, ada.accessToken), 200)
  t.equal(stores.db.statementsSent, before)
})

t.test('in its last fifth a token asks to be replaced, wherever it is used', async t => {
  const { app, clock, config } = await buildTestApp(t)
  const ada = await signUp(app)
  const hint = async (url: string) => (await get(app, url, ada.accessToken)).headers['x-token-refresh-required']
  await clock.advance(config.accessTokenTtlSeconds * 0.8 - 5)
  t.equal(await hint('/auth/profile'), undefined)
  await clock.advance(6)
  for (const url of ['/auth/profile', '/auth/verify', '/auth/sessions', '/auth/verify?role=admin'])
    t.equal(await hint(url), 'true', url)
})

t.test('checking a token that came in a body makes nobody the maker of the request', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const seen: unknown[] = []
  const { app } = await test.another()
  app.addHook('onSend', async request => {
    seen.push(request.principal)
  })
  t.equal((await post(app, '/auth/verify', { token: ada.accessToken })).statusCode, 200)
  t.equal((await post(app, '/auth/logout', {}, { authorization: `Bearer ${ada.accessToken}` })).statusCode, 204)
  t.same(seen, [null, null])
})

t.test('the access cookie counts only where it is switched on, and a header comes before it', async t => {
  const test = await buildTestApp(t)
  const { app: without } = test
  const { app } = await test.another({ ACCESS_COOKIE: 'on' })
  const ada = await signUp(app)
  const cookies = { '__Host-latchkey-at': ada.accessToken }
  t.equal((await app.inject({ url: '/auth/verify', cookies })).statusCode, 200)
  t.equal((await without.inject({ url: '/auth/verify', cookies })).json().code, 'authentication_required')
  const forged = await app.inject({ url: '/auth/verify', cookies, headers: { authorization: 'Bearer a.b.c' } })
  t.equal(forged.json().code, 'token_invalid', 'a bad header does not fall back to the cookie')
})

t.test('an answer to a bad token carries the challenge of RFC 6750 and is never stored', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const forger = await forgerOf(test, ada.accessToken)
  const none = await test.app.inject('/auth/profile')
  t.match(none.headers, { 'www-authenticate': 'Bearer', 'cache-control': 'no-store' })
  const expired = await get(test.app, '/auth/profile', forger.token({}, { exp: 1 }))
  t.match(expired.headers, { 'www-authenticate': 'Bearer error="invalid_token"', 'cache-control': 'no-store' })
  t.equal(expired.json().code, 'token_expired')
  t.equal(payloadOf(ada.accessToken).aud, test.config.audience)
})

t.test('request.jwtVerify of an embedding application refuses what authenticate refuses', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const forger = await forgerOf(test, ada.accessToken)
  const { app } = await test.another()
  const seen: unknown[] = []
  app.addHook('onRequest', async request => {
    if (request.method === 'HEAD') seen.push(await request.jwtVerify().catch(error => error.code))
  })
  const ask = (accessToken?: string) =>
    app.inject({
      method: 'HEAD',
      url: '/livez',
      headers: accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` },
    })
  await ask(ada.accessToken)
  await ask()
  await ask(`${ada.accessToken.slice(0, -10)}AAAAAAAAAA`)
  await ask(forger.token({}, { exp: 1 }))
  await post(app, '/auth/logout', {}, { authorization: `Bearer ${ada.accessToken}` })
  await ask(ada.accessToken)
  const [principal, ...refusals] = seen
  t.match(principal, { userId: ada.userId, sessionId: ada.sessionId, roles: [] })
  t.same(refusals, ['authentication_required', 'FST_JWT_AUTHORIZATION_TOKEN_INVALID', 'token_expired', 'token_revoked'])
})
