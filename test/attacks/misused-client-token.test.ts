import t from 'tap'
import { clientTokenAudience } from '../../src/domain/clients/client-token.js'
import { removeClient, rotateClientSecret } from '../../src/domain/clients/clients.js'
import { signOutEveryone } from '../../src/domain/sessions/end-many-sessions.js'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import {
  asClient,
  basicOf,
  clientToken,
  makeClient,
  postForm,
  refreshAsClient,
  signUpAdmin,
} from '../support/clients.js'
import { get, post, refresh, signIn, signUp, verify } from '../support/people.js'
import { forgerOf, payloadOf } from './forger.js'

const request = (
  app: TestApp['app'],
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  token: string,
  payload?: object,
) => app.inject({ method, url, headers: { authorization: `Bearer ${token}` }, ...(payload && { payload }) })

t.test('every user route refuses a client’s token, whatever its scopes', async t => {
  const { app } = await buildTestApp(t, { ACCESS_COOKIE: 'on' })
  const ada = await signUp(app)
  const token = await clientToken(app, await makeClient(app, 'admin', 'sessions', 'introspect', 'revocations'))
  for (const [method, url] of [
    ['GET', '/auth/profile'],
    ['GET', '/auth/verify'],
    ['GET', '/auth/sessions'],
    ['DELETE', '/auth/sessions/others'],
    ['DELETE', `/auth/sessions/${ada.sessionId}`],
    ['POST', '/auth/logout'],
  ] as const) {
    t.match((await request(app, method, url, token)).json(), { status: 401, code: 'token_invalid' }, url)
    const cookies = { '__Host-latchkey-at': token }
    t.match((await app.inject({ method, url, cookies })).json(), { status: 401, code: 'token_invalid' }, url)
  }
  t.match((await post(app, '/auth/verify', { token })).json(), { status: 401, code: 'token_invalid' })
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('every client route refuses a user’s token, and no access token replaces a client’s secret', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUpAdmin(app)
  const token = await clientToken(app, await makeClient(app, 'admin', 'sessions', 'introspect'))
  for (const url of ['/oauth/token', '/oauth/introspect', '/oauth/revoke']) {
    const fields = { grant_type: 'client_credentials', token: ada.accessToken }
    for (const bearer of [ada.accessToken, token, ada.refreshToken]) {
      const response = await postForm(app, url, fields, { authorization: `Bearer ${bearer}` })
      t.match(response, { statusCode: 401 })
      t.match(response.json(), { error: 'invalid_client' }, url)
    }
  }
  const url = `/admin/users/${ada.userId}/sessions`
  const response = await request(app, 'POST', url, ada.accessToken, {})
  t.match(response.json(), { status: 403, code: 'insufficient_scope' }, 'only clients may open sessions')
})

t.test('every admin route refuses a user without the role admin and a client without the scope admin', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const client = await asClient(app, 'introspect', 'revocations', 'sessions')
  const administrator = await makeClient(app, 'admin', 'introspect')
  const narrowed = { authorization: `Bearer ${await clientToken(app, administrator, 'introspect')}` }
  const user = { authorization: `Bearer ${ada.accessToken}` }
  for (const [method, url, payload] of [
    ['GET', '/admin/users'],
    ['POST', '/admin/users', { email: 'eve@example.com' }],
    ['GET', `/admin/users/${ada.userId}`],
    ['PATCH', `/admin/users/${ada.userId}`, { roles: ['admin'] }],
    ['DELETE', `/admin/users/${ada.userId}`],
    ['POST', `/admin/users/${ada.userId}/disable`],
    ['POST', `/admin/users/${ada.userId}/enable`],
    ['POST', `/admin/users/${ada.userId}/temporary-password`],
    ['GET', `/admin/users/${ada.userId}/sessions`],
    ['DELETE', `/admin/users/${ada.userId}/sessions`],
    ['DELETE', `/admin/users/${ada.userId}/sessions/${ada.sessionId}`],
    ['POST', '/admin/revocations', { role: 'admin' }],
  ] as const) {
    const answer = async (headers: Record<string, string>) =>
      (await app.inject({ method, url, headers, ...(payload && { payload }) })).json()
    t.match(await answer(user), { status: 403, code: 'insufficient_role' }, `${method} ${url}`)
    t.match(await answer(client), { status: 403, code: 'insufficient_scope' })
    t.match(await answer(narrowed), { status: 403, code: 'insufficient_scope' }, 'only the requested scopes')
    t.match(await answer({}), { status: 401, code: 'authentication_required' })
    t.match(await answer({ cookie: `__Host-latchkey=${ada.refreshToken}` }), { status: /401|403/ })
  }
  const opened = await app.inject({
    method: 'POST',
    url: `/admin/users/${ada.userId}/sessions`,
    payload: {},
    headers: await asClient(app, 'admin'),
  })
  t.match(opened.json(), { status: 403, code: 'insufficient_scope' }, 'the scope admin alone does not open sessions')
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('removing a client revokes its tokens and the sessions it opened at once, on every instance', async t => {
  const test = await buildTestApp(t)
  const { app: other } = await test.another()
  const { app, database } = test
  const client = await makeClient(app, 'admin', 'sessions')
  const token = await clientToken(app, client)
  const ada = await signUp(app)
  const opened = (await request(other, 'POST', `/admin/users/${ada.userId}/sessions`, token, {})).json()
  t.equal((await get(other, '/admin/users', token)).statusCode, 200)

  t.equal(await removeClient(app.context, client.name, 'cli'), 1)
  t.equal((await get(other, '/admin/users', token)).json().code, 'token_revoked')
  const again = await request(other, 'POST', `/admin/users/${ada.userId}/sessions`, token, {})
  t.equal(again.json().code, 'token_revoked')
  const asked = await postForm(
    other,
    '/oauth/token',
    { grant_type: 'client_credentials' },
    { authorization: client.basic },
  )
  t.equal(asked.json().error, 'invalid_client')
  t.equal(await verify(app, opened.access_token), 'token_revoked')
  t.equal((await refresh(other, opened.refresh_token)).json().code, 'client_required')
  t.equal(await verify(app, ada.accessToken), 200, 'the user’s own session is still valid')
  const events = await database.admin`
    select type, actor, session_id, details from security_events where actor = 'cli' order by id`
  t.match(events, [
    { type: 'client_removed', session_id: null, details: { client_id: client.id, name: client.name } },
    { type: 'session_revoked', session_id: opened.session_id, details: { reason: 'client_removed' } },
  ])
})

t.test('a new client secret invalidates the old one and its tokens at once, on every instance', async t => {
  const test = await buildTestApp(t)
  const { app: other } = await test.another()
  const { app } = test
  const client = await makeClient(app, 'admin', 'sessions')
  const token = await clientToken(app, client)
  const ada = await signUp(app)
  const opened = (await request(other, 'POST', `/admin/users/${ada.userId}/sessions`, token, {})).json()

  const { secret } = await rotateClientSecret(app.context, client.name, 'test')
  t.equal((await get(other, '/admin/users', token)).json().code, 'token_revoked')
  const asked = await postForm(
    other,
    '/oauth/token',
    { grant_type: 'client_credentials' },
    { authorization: client.basic },
  )
  t.equal(asked.json().error, 'invalid_client')
  const renewed = { ...client, basic: basicOf(client.id, secret) }
  t.equal((await get(other, '/admin/users', await clientToken(other, renewed))).statusCode, 200)
  t.equal((await refreshAsClient(app, renewed, opened.refresh_token)).statusCode, 200, 'users stay signed in')
})

t.test('a scope removed from a client is no longer valid in its existing tokens', async t => {
  const { app, database } = await buildTestApp(t)
  const client = await makeClient(app, 'admin', 'introspect')
  const token = await clientToken(app, client)
  await database.admin`update clients set scopes = '{introspect}' where id = ${client.id}`
  t.equal((await get(app, '/admin/users', token)).json().code, 'insufficient_scope')
})

t.test('signing everyone out revokes clients’ tokens too, and a client can get a new one at once', async t => {
  const { app } = await buildTestApp(t)
  const client = await makeClient(app, 'admin')
  const token = await clientToken(app, client)
  await signOutEveryone(app.context, 'test')
  t.equal((await get(app, '/admin/users', token)).json().code, 'token_revoked')
  t.equal((await get(app, '/admin/users', await clientToken(app, client))).statusCode, 200)
})

t.test('a client’s token with one wrong claim is refused although its signature is valid', async t => {
  const test = await buildTestApp(t)
  const { app, clock, config } = test
  const client = await makeClient(app, 'admin')
  const genuine = await clientToken(app, client)
  const forger = await forgerOf(test, genuine)
  const status = async (token: string) => (await get(app, '/admin/users', token)).statusCode
  t.equal(await status(forger.token({})), 200)
  const ada = await signUp(app)
  const nowSeconds = Math.floor(clock.now() / 1000)
  const changes: Record<string, Record<string, unknown>> = {
    'another issuer': { iss: 'https://evil.example' },
    'the audience of users': { aud: config.audience },
    'two audiences': { aud: [clientTokenAudience(config)] },
    'a session': { sid: ada.sessionId },
    'another subject': { sub: ada.userId },
    'another client_id': { client_id: newId() },
    'an unknown client': { sub: newId(), client_id: newId() },
    'a client id that is not a UUID': { sub: "' or true --", client_id: "' or true --" },
    'no scope': { scope: undefined },
    'scopes as a list': { scope: ['admin'] },
    'no expiry': { exp: undefined },
    'an expiry that is not a safe integer': { exp: 1.5e300 },
    'an expiry in the past': { exp: nowSeconds - 1 },
    'no jti': { jti: undefined },
    'a future secret version': { ver: 1 },
    'no secret version': { ver: undefined },
    'issued in 1970': { iat: 1 },
  }
  for (const [what, claims] of Object.entries(changes)) {
    const expected = what === 'issued in 1970' ? 200 : 401
    t.equal(await status(forger.token({}, claims)), expected, what)
  }
  t.equal(await status(forger.token({ alg: 'none' })), 401)
  t.equal(await status(forger.token({ typ: 'JWT' })), 401)
  t.equal(await status(forger.token({}, { scope: 'adminx introspect' })), 403)
  const { aud, ...claims } = payloadOf(ada.accessToken)
  t.equal(await status(forger.token({}, { ...claims, aud: clientTokenAudience(config) })), 401, 'claims of a user')
  t.equal(await verify(app, forger.token({}, { ...claims, aud })), 200)
})

t.test('the database does not contain a client’s secret', async t => {
  const { app, database } = await buildTestApp(t)
  const { id, secret, name } = await makeClient(app, 'admin')
  await signIn(app, (await signUp(app)).email)
  const [row] = await database.admin`select * from clients where id = ${id}`
  t.equal(row!.secret_hash.length, 32)
  t.match(secret, /^lk_cs_[A-Za-z0-9_-]{43}$/)
  const events = await database.admin`select * from security_events where type = 'client_created'`
  t.match(events, [{ actor: 'test', details: { client_id: id, name, scopes: ['admin'] } }])
  for (const text of [JSON.stringify(row), JSON.stringify(events)]) t.notMatch(text, secret.slice(6))
})
