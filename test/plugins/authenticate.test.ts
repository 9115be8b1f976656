import { randomUUID } from 'node:crypto'
import t from 'tap'
import { encode, forgerOf, payloadOf } from '../attacks/forger.js'
import { buildTestApp } from '../support/build-test-app.js'
import { get, post, refreshed, signUp, verify } from '../support/people.js'

const algorithmOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).alg

for (const JWT_ALGORITHM of ['ES256', 'EdDSA', 'RS256']) {
  t.test(`tokens signed with ${JWT_ALGORITHM} work from sign-up to logout`, async t => {
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

t.test('tokens issued before and after a change of JWT_ALGORITHM are valid at every instance', async t => {
  const before = await buildTestApp(t)
  const old = await signUp(before.app)
  const after = await before.another({ JWT_ALGORITHM: 'EdDSA' })
  t.equal(await verify(after.app, old.accessToken), 200)
  t.equal(algorithmOf((await signUp(after.app)).accessToken), 'ES256', 'the new key is published before it signs')

  await before.clock.advance(11 * 60)
  const young = await signUp(after.app)
  t.equal(algorithmOf(young.accessToken), 'EdDSA')
  t.equal(await verify(after.app, young.accessToken), 200)
  t.equal(await verify(before.app, young.accessToken), 200, 'an instance that does not know the key loads it')
  t.equal(await verify(after.app, old.accessToken), 200, 'until it expires')
})

t.test('tokens with unknown key ids cause no statement on the connections that serve requests', async t => {
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

t.test('while the keys cannot be read, known keys verify tokens and unknown keys are refused', async t => {
  const { app, stores } = await buildTestApp(t)
  const ada = await signUp(app)
  const [, payload, signature] = ada.accessToken.split('.')
  await stores.db.close()
  const header = encode(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: 'unknown' }))
  t.equal(await verify(app, `${header}.${payload}.${signature}`), 'token_invalid')
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('verifying an access token sends no statement to Postgres, the first time or later', async t => {
  const { app, stores } = await buildTestApp(t)
  const ada = await signUp(app)
  const before = stores.db.statementsSent
  for (let times = 0; times < 10; times++) t.equal(await verify(app, ada.accessToken), 200)
  t.equal(stores.db.statementsSent, before)
})

t.test('every endpoint sends X-Token-Refresh-Required in the last fifth of the token’s lifetime', async t => {
  const { app, clock, config } = await buildTestApp(t)
  const ada = await signUp(app)
  const hint = async (url: string) => (await get(app, url, ada.accessToken)).headers['x-token-refresh-required']
  await clock.advance(config.accessTokenTtlSeconds * 0.8 - 5)
  t.equal(await hint('/auth/profile'), undefined)
  await clock.advance(6)
  for (const url of ['/auth/profile', '/auth/verify', '/auth/sessions', '/auth/verify?role=admin'])
    t.equal(await hint(url), 'true', url)
})

t.test('a token in the body does not set the principal of the request', async t => {
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

t.test('the access cookie is accepted only with ACCESS_COOKIE=on and no Authorization header', async t => {
  const test = await buildTestApp(t)
  const { app: without } = test
  const { app } = await test.another({ ACCESS_COOKIE: 'on' })
  const ada = await signUp(app)
  const cookies = { '__Host-latchkey-at': ada.accessToken }
  t.equal((await app.inject({ url: '/auth/verify', cookies })).statusCode, 200)
  t.equal((await without.inject({ url: '/auth/verify', cookies })).json().code, 'authentication_required')
  const forged = await app.inject({ url: '/auth/verify', cookies, headers: { authorization: 'Bearer a.b.c' } })
  t.equal(forged.json().code, 'token_invalid', 'an invalid header does not fall back to the cookie')
})

t.test('a response to an invalid token has the challenge of RFC 6750 and Cache-Control: no-store', async t => {
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
