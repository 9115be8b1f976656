import { createHash } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import t, { type Test } from 'tap'
import { disableUser } from '../../src/domain/accounts/administer-users.js'
import { SUPERSEDED_GRACE_SECONDS } from '../../src/domain/tokens/judge-refresh-token.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { basicOf, clientToken, makeClient, postForm, refreshAsClient, type TestClient } from '../support/clients.js'
import { refresh, refreshed, signUp, verify } from '../support/people.js'

/** The service on its own port, and its metadata as a strict public library discovers them. */
async function discover(t: Test, overrides: NodeJS.ProcessEnv = {}) {
  // Below the range of ephemeral ports.
  const port = 20_000 + Math.floor(Math.random() * 12_000)
  const origin = `http://127.0.0.1:${port}`
  const test = await buildTestApp(t, { PUBLIC_ORIGIN: origin, ...overrides })
  await test.app.listen({ port, host: '127.0.0.1' })
  const issuer = new URL(origin)
  const options = { algorithm: 'oauth2', [oauth.allowInsecureRequests]: true } as const
  const metadata = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options))
  return { ...test, metadata }
}

const insecure = { [oauth.allowInsecureRequests]: true } as const
const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fine',
    (error: oauth.ResponseBodyError) => error.error,
  )

for (const [method, authenticateBy] of [
  ['client_secret_basic', oauth.ClientSecretBasic],
  ['client_secret_post', oauth.ClientSecretPost],
] as const) {
  t.test(`a strict OAuth client library can get, introspect and revoke tokens with ${method}`, async t => {
    const { app, metadata } = await discover(t)
    t.ok(metadata.token_endpoint_auth_methods_supported?.includes(method))
    const { id, secret } = await makeClient(app, 'introspect', 'admin')
    const client = { client_id: id }
    const auth = authenticateBy(secret)

    const granted = await oauth.processClientCredentialsResponse(
      metadata,
      client,
      await oauth.clientCredentialsGrantRequest(metadata, client, auth, { scope: 'admin' }, insecure),
    )
    t.match(granted, { token_type: 'bearer', expires_in: 300, scope: 'admin', access_token: /^eyJ/ })

    const introspect = async (token: string) =>
      oauth.processIntrospectionResponse(
        metadata,
        client,
        await oauth.introspectionRequest(metadata, client, auth, token, {
          ...insecure,
          additionalParameters: hintFor(token),
        }),
      )
    t.match(await introspect(granted.access_token), { active: true, client_id: id, sub: id, scope: 'admin' })
    const ada = await signUp(app)
    for (const token of [ada.accessToken, ada.refreshToken]) {
      t.match(await introspect(token), { active: true, sub: ada.userId, sid: ada.sessionId, client_id: 'latchkey' })
      await oauth.processRevocationResponse(await oauth.revocationRequest(metadata, client, auth, token, insecure))
      t.strictSame(await introspect(token), { active: false })
    }
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(metadata, client, auth, granted.access_token, insecure),
    )
    t.strictSame(await introspect(granted.access_token), { active: false })
  })
}

t.test('a strict OAuth client library can refresh a session that its client opened', async t => {
  const { app, metadata } = await discover(t)
  const { id, secret, basic, name } = await makeClient(app, 'sessions')
  const ada = await signUp(app)
  const opened = await openSession(app, { id, secret, basic, name }, ada.userId)
  const client = { client_id: id }
  const answer = await oauth.refreshTokenGrantRequest(
    metadata,
    client,
    oauth.ClientSecretBasic(secret),
    opened.refresh_token,
    insecure,
  )
  const granted = await oauth.processRefreshTokenResponse(metadata, client, answer)
  t.match(granted, { token_type: 'bearer', expires_in: 900, refresh_token: /^lk_rt_/ })
  t.not(granted.refresh_token, opened.refresh_token)
  t.equal(await verify(app, granted.access_token), 200)

  const refused = await oauth.refreshTokenGrantRequest(
    metadata,
    client,
    oauth.ClientSecretBasic(secret),
    ada.refreshToken,
    insecure,
  )
  t.equal(await outcome(oauth.processRefreshTokenResponse(metadata, client, refused)), 'invalid_grant')
})

t.test('a client’s own token names the client and has an audience of its own', async t => {
  const { app, config } = await buildTestApp(t)
  const client = await makeClient(app, 'admin', 'introspect')
  const token = await clientToken(app, client)
  const [header, claims] = token.split('.', 2).map(part => JSON.parse(Buffer.from(part, 'base64url').toString())) as [
    object,
    Record<string, unknown>,
  ]
  t.match(header, { typ: 'at+jwt', alg: 'ES256' })
  t.match(claims, { iss: config.issuer, sub: client.id, client_id: client.id, scope: 'admin introspect', ver: 0 })
  t.not(claims.aud, config.audience)
  t.equal((claims.exp as number) - (claims.iat as number), 300)
  t.notOk('sid' in claims)
})

t.test('introspection returns the claims of an access token and of a refresh token', async t => {
  const { app, config } = await buildTestApp(t)
  const client = await makeClient(app, 'introspect')
  const ada = await signUp(app)
  const access = (await introspect(app, client, ada.accessToken)).json()
  t.match(access, {
    active: true,
    token_type: 'Bearer',
    sub: ada.userId,
    sid: ada.sessionId,
    client_id: 'latchkey',
    iss: config.issuer,
    aud: config.audience,
    roles: [],
  })
  t.equal(access.exp - access.iat, config.accessTokenTtlSeconds)
  const token = (await introspect(app, client, ada.refreshToken)).json()
  t.match(token, { active: true, sub: ada.userId, sid: ada.sessionId })
  t.notOk('token_type' in token, 'a refresh token does not pass for an access token')
  t.notOk('roles' in token)
  const { headers } = await introspect(app, client, ada.accessToken, { token_type_hint: 'access_token', more: 'x' })
  t.match(headers, { 'cache-control': 'no-store', 'content-type': /^application\/json/ })
})

t.test('introspection reads the current state from Postgres, before the instance receives a revocation', async t => {
  const test = await buildTestApp(t)
  const { app, database } = test
  const client = await makeClient(app, 'introspect')
  const changes = {
    'the session was revoked': (sid: string) =>
      database.admin`update sessions set revoked_at = now() where id = ${sid}`,
    'the session has expired': (sid: string) =>
      database.admin`update sessions set expires_at = now() where id = ${sid}`,
    'its whitelist row is deleted': (sid: string) =>
      database.admin`delete from refresh_tokens where session_id = ${sid}`,
    'the user is disabled': (sid: string) =>
      database.admin`update users set disabled_at = now() from sessions where users.id = user_id and sessions.id = ${sid}`,
    'the version was raised': (sid: string) =>
      database.admin`update users set token_version = users.token_version + 1 from sessions
        where users.id = user_id and sessions.id = ${sid}`,
    'the user was deleted': (sid: string) =>
      database.admin`delete from users using sessions where users.id = user_id and sessions.id = ${sid}`,
  }
  for (const [what, change] of Object.entries(changes)) {
    const ada = await signUp(app)
    t.match((await introspect(app, client, ada.accessToken)).json(), { active: true })
    await change(ada.sessionId)
    t.equal(await verify(app, ada.accessToken), 200, 'this instance has not received the change')
    for (const token of [ada.accessToken, ada.refreshToken])
      t.strictSame((await introspect(app, client, token)).json(), { active: false }, what)
  }

  const ada = await signUp(app)
  const { jti } = (await introspect(app, client, ada.accessToken)).json()
  await database.admin`insert into revocations (kind, subject, reason, expires_at)
    values ('token', ${jti}, 'test', now() + interval '1 hour')`
  t.strictSame((await introspect(app, client, ada.accessToken)).json(), { active: false }, 'the token was revoked')
  t.match((await introspect(app, client, ada.refreshToken)).json(), { active: true }, 'only that token')
  const bob = await signUp(app)
  await database.admin`update users set roles_version = roles_version + 1 where id = ${bob.userId}`
  t.strictSame((await introspect(app, client, bob.accessToken)).json(), { active: false }, 'the roles changed')
  const eve = await signUp(app)
  await database.admin`update realm set not_before = now() + interval '5 seconds'`
  t.strictSame((await introspect(app, client, eve.refreshToken)).json(), { active: false }, 'everyone was signed out')
})

t.test('introspecting an invalid, old or expired token returns only active: false and changes nothing', async t => {
  const { app, clock, config } = await buildTestApp(t)
  const client = await makeClient(app, 'introspect')
  const ada = await signUp(app)
  const parent = ada.refreshToken
  const second = await refreshed(app, parent)
  await clock.advance(config.refresh.minAgeSeconds + 1)
  const third = await refreshed(app, second)
  await clock.advance(config.refresh.minAgeSeconds + 1)
  for (const token of [
    'x',
    'eyJ.eyJ.x',
    `${ada.accessToken}x`,
    ada.accessToken.replace(/\.[^.]+$/, '.AAAA'),
    `${third}x`,
    `lk_rt_${'A'.repeat(94)}`,
    client.secret,
    second,
    parent,
    '\u0000',
  ])
    t.strictSame((await introspect(app, client, token)).json(), { active: false }, token.slice(0, 20))
  t.equal((await refresh(app, third)).statusCode, 200, 'introspecting an old token does not revoke the session')

  await clock.advance(config.accessTokenTtlSeconds)
  t.strictSame((await introspect(app, client, ada.accessToken)).json(), { active: false }, 'expired')
})

t.test('a client that revokes its refresh token ends the session, and its access token only that token', async t => {
  const { app, database } = await buildTestApp(t)
  const client = await makeClient(app, 'sessions')
  const ada = await signUp(app)
  const first = await openSession(app, client, ada.userId)
  const next = (await refreshAsClient(app, client, first.refresh_token)).json()
  t.equal((await revoke(app, client, first.access_token)).statusCode, 200)
  t.equal(await verify(app, first.access_token), 'token_revoked')
  t.equal(await verify(app, next.access_token), 200, 'other access tokens stay valid')
  t.equal((await revoke(app, client, next.refresh_token)).statusCode, 200)
  t.equal(await verify(app, next.access_token), 'token_revoked')
  t.match((await refreshAsClient(app, client, next.refresh_token)).json(), { error: 'invalid_grant' })
  const events = await database.admin`
    select type, session_id from security_events where actor = ${client.id} order by id`
  t.same(
    events.map(({ type, session_id }) => [type, session_id]),
    ['signed_in', 'token_revoked', 'session_revoked'].map(type => [type, first.session_id]),
  )

  const token = await clientToken(app, client)
  t.equal((await revoke(app, client, token)).statusCode, 200)
  t.equal((await admin(app, 'POST', `/admin/users/${ada.userId}/sessions`, token, {})).json().code, 'token_revoked')
})

t.test('revoking another client’s token or an invalid token has no effect and identical responses', async t => {
  const { app } = await buildTestApp(t)
  const client = await makeClient(app, 'sessions', 'introspect', 'revocations')
  const other = await makeClient(app, 'sessions')
  const ada = await signUp(app)
  const foreign = await openSession(app, other, ada.userId)
  const answers = []
  for (const token of [
    ada.accessToken,
    ada.refreshToken,
    foreign.access_token,
    foreign.refresh_token,
    await clientToken(app, other),
    'x',
    'eyJhbGciOiJub25lIn0.e30.',
    `lk_rt_${'A'.repeat(94)}`,
  ]) {
    const { statusCode, body, headers } = await revoke(app, client, token)
    const { date, 'x-request-id': id, ...rest } = headers
    answers.push({ statusCode, body, rest })
  }
  t.match(answers[0], { statusCode: 200, body: '' })
  for (const answer of answers) t.strictSame(answer, answers[0])
  t.equal(await verify(app, ada.accessToken), 200)
  t.equal((await refresh(app, ada.refreshToken)).statusCode, 200)
  t.equal(await verify(app, foreign.access_token), 200)
  t.equal((await refreshAsClient(app, other, foreign.refresh_token)).statusCode, 200)

  const administrator = await makeClient(app, 'admin')
  t.equal((await revoke(app, administrator, ada.accessToken)).statusCode, 200)
  t.equal(await verify(app, ada.accessToken), 'token_revoked', 'a client with the scope admin revokes any token')
})

t.test(
  'the refresh grant gives the same successor for the same token, and reusing an old token revokes the session',
  async t => {
    const { app, clock, config } = await buildTestApp(t)
    const client = await makeClient(app, 'sessions')
    const ada = await signUp(app)
    const { refresh_token: first } = await openSession(app, client, ada.userId)
    const next = (token: string) => refreshAsClient(app, client, token)
    const answers = (await Promise.all([next(first), next(first)])).map(answer => answer.json().refresh_token)
    t.equal(answers[0], answers[1])
    await clock.advance(config.refresh.minAgeSeconds + 1)
    const third = (await next(answers[0])).json().refresh_token
    await clock.advance(config.refresh.minAgeSeconds + 1)
    t.match((await next(first)).json(), { error: 'invalid_grant' }, 'the network may have delayed it')
    await clock.advance(SUPERSEDED_GRACE_SECONDS + 1)
    t.match((await next(first)).json(), { error: 'invalid_grant' }, 'but after the grace time it counts as reused')
    t.match((await next(third)).json(), { error: 'invalid_grant' }, 'the reuse revoked the session')

    const { refresh_token: another } = await openSession(app, client, ada.userId)
    await disableUser(app.context, ada.userId, 'test')
    const refused = await next(another)
    t.match(refused, { statusCode: 400, headers: { 'cache-control': 'no-store' } })
    t.match(refused.json(), { error: 'invalid_grant' })
  },
)

t.test('OAuth errors have the form of RFC 6749', async t => {
  const { app } = await buildTestApp(t)
  const { id, secret, basic } = await makeClient(app, 'introspect')
  const plain = await makeClient(app, 'revocations')
  const grant = { grant_type: 'client_credentials' }
  const cases: [what: string, url: string, fields: Record<string, string> | string, auth: string, error: string][] = [
    ['no grant type', 'token', {}, basic, 'invalid_request'],
    ['an empty grant type', 'token', 'grant_type=', basic, 'invalid_request'],
    ['another grant type', 'token', { grant_type: 'password' }, basic, 'unsupported_grant_type'],
    ['a scope that the client lacks', 'token', { ...grant, scope: 'admin' }, basic, 'invalid_scope'],
    ['an unknown scope', 'token', { ...grant, scope: 'introspect nothing' }, basic, 'invalid_scope'],
    ['no refresh token', 'token', { grant_type: 'refresh_token' }, basic, 'invalid_request'],
    [
      'a session grant without the scope',
      'token',
      'grant_type=refresh_token&refresh_token=x',
      basic,
      'unauthorized_client',
    ],
    [
      'a doubled parameter',
      'token',
      'grant_type=client_credentials&grant_type=client_credentials',
      basic,
      'invalid_request',
    ],
    ['a doubled unknown parameter', 'token', 'grant_type=client_credentials&a=1&a=2', basic, 'invalid_request'],
    ['two ways to authenticate', 'token', { ...grant, client_secret: secret }, basic, 'invalid_request'],
    ['two clients', 'token', { ...grant, client_id: plain.id }, basic, 'invalid_request'],
    ['no token', 'introspect', {}, basic, 'invalid_request'],
    ['introspection without the scope', 'introspect', { token: 'x' }, plain.basic, 'unauthorized_client'],
    ['nothing to revoke', 'revoke', {}, basic, 'invalid_request'],
    ['no credentials', 'token', grant, '', 'invalid_client'],
    ['an id without a secret', 'token', { ...grant, client_id: id }, '', 'invalid_client'],
    ['a wrong secret', 'token', grant, basicOf(id, `${secret}x`), 'invalid_client'],
    [
      'a wrong secret in the body',
      'introspect',
      { token: 'x', client_id: id, client_secret: 'x' },
      '',
      'invalid_client',
    ],
    [
      'an unknown client',
      'revoke',
      { token: 'x' },
      basicOf('00000000-0000-7000-8000-000000000000', secret),
      'invalid_client',
    ],
    ['no uuid', 'token', grant, basicOf("' or 1=1", secret), 'invalid_client'],
    ['no colon', 'token', grant, `Basic ${Buffer.from('abc').toString('base64')}`, 'invalid_client'],
    ['no base64', 'token', grant, 'Basic ???', 'invalid_client'],
    ['a stray percent sign', 'token', grant, `Basic ${Buffer.from(`${id}:%zz`).toString('base64')}`, 'invalid_client'],
    ['another scheme', 'token', grant, 'Digest abc', 'invalid_client'],
  ]
  for (const [what, path, fields, authorization, error] of cases) {
    const response = await postForm(app, `/oauth/${path}`, fields, authorization === '' ? {} : { authorization })
    t.equal(response.statusCode, error === 'invalid_client' ? 401 : 400, what)
    t.strictSame(Object.keys(response.json()), ['error', 'error_description'])
    t.equal(response.json().error, error, what)
    t.match(response.headers, { 'cache-control': 'no-store', pragma: 'no-cache', 'content-type': /^application\/json/ })
    t.equal(response.headers['www-authenticate'], error === 'invalid_client' ? 'Basic realm="latchkey"' : undefined)
    t.match(
      response.json().error_description,
      /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/,
      'in the characters that RFC 6749 allows',
    )
  }
  const both = { authorization: basic }
  t.equal((await postForm(app, '/oauth/token', { ...grant, client_id: id }, both)).statusCode, 200, 'the same id twice')
  t.equal((await postForm(app, '/oauth/token', { ...grant, unknown: 'x', scope: '' }, both)).statusCode, 200)
  for (const [type, payload] of [
    ['application/json', JSON.stringify(grant)],
    ['text/plain', 'grant_type=client_credentials'],
  ] as const) {
    const headers = { 'content-type': type, authorization: basic }
    const response = await app.inject({ method: 'POST', url: '/oauth/token', payload, headers })
    t.match(response, { statusCode: 400 }, type)
    t.match(response.json(), { error: 'invalid_request' })
  }
})

t.test('a client secret in the Authorization header is form-encoded', async t => {
  const { app, database } = await buildTestApp(t)
  const client = await makeClient(app, 'admin')
  const odd = 'a+b %/:ü=&'
  await database.admin`update clients set secret_hash = ${createHash('sha256').update(odd).digest()} where id = ${client.id}`
  t.ok(await clientToken(app, { ...client, basic: basicOf(client.id, odd) }))
})

t.test('OAuth endpoints read no cookies, and a cross-site request gains nothing from the user’s cookie', async t => {
  const { app } = await buildTestApp(t)
  const client = await makeClient(app, 'introspect')
  const ada = await signUp(app)
  const cookie = `__Host-latchkey=${ada.refreshToken}`
  const cross = { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  const refused = await postForm(app, '/oauth/revoke', { token: ada.refreshToken }, cross)
  t.match(refused, { statusCode: 401 })
  t.match(refused.json(), { error: 'invalid_client' })
  const asked = await postForm(app, '/oauth/introspect', { token: 'x' }, { ...cross, authorization: client.basic })
  t.strictSame(asked.json(), { active: false }, 'the cookie has no effect')
  t.notOk('set-cookie' in asked.headers)
})

t.test('the rate limit per address is 20 times higher for clients than for users', async t => {
  const { app } = await buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_PER_ADDRESS: '1' })
  const client = await makeClient(app, 'introspect')
  for (let times = 0; times < 20; times++) t.equal((await introspect(app, client, 'x')).statusCode, 200)
  const refused = await introspect(app, client, 'x')
  t.match(refused, { statusCode: 429, headers: { 'retry-after': /^\d+$/ } })
  t.match(refused.json(), { error: 'temporarily_unavailable' })
})

/** A refresh token is reported as active only with this hint. */
const hintFor = (token: string): Record<string, string> =>
  token.startsWith('lk_rt_') ? { token_type_hint: 'refresh_token' } : {}

function introspect(
  app: TestApp['app'],
  { basic }: Pick<TestClient, 'basic'>,
  token: string,
  more: Record<string, string> = {},
) {
  return postForm(app, '/oauth/introspect', { token, ...hintFor(token), ...more }, { authorization: basic })
}

function revoke(app: TestApp['app'], { basic }: TestClient, token: string) {
  return postForm(app, '/oauth/revoke', { token }, { authorization: basic })
}

function admin(app: TestApp['app'], method: 'GET' | 'POST' | 'DELETE', url: string, token: string, payload?: object) {
  return app.inject({ method, url, headers: { authorization: `Bearer ${token}` }, ...(payload && { payload }) })
}

async function openSession(app: TestApp['app'], client: TestClient, userId: string) {
  const token = await clientToken(app, client)
  return (await admin(app, 'POST', `/admin/users/${userId}/sessions`, token, {})).json()
}
