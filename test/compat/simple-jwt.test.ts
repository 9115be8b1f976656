import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { setRoles } from '../../src/domain/accounts/administer-users.js'
import { SUPERSEDED_GRACE_SECONDS } from '../../src/domain/tokens/judge-refresh-token.js'
import { payloadOf } from '../attacks/forger.js'
import { buildTestApp } from '../support/build-test-app.js'
import { get, PASSWORD, post, refresh, signIn, signUp, verify } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { SimpleJwtClient } from '../support/simple-jwt-client.js'

const NO_ACCOUNT = { detail: 'No active account found with the given credentials' }
const notValid = (detail: string) => ({ detail, code: 'token_not_valid' })

/** Signs in at Simple JWT's URL. */
async function obtain(app: FastifyInstance, email: string): Promise<{ refresh: string; access: string }> {
  const answer = await post(app, '/api/token/', { username: email, password: PASSWORD })
  if (answer.statusCode !== 200) throw new Error(`signing in was refused: ${answer.body}`)
  return answer.json()
}

function form(app: FastifyInstance, url: string, fields: Record<string, string>): Promise<LightMyRequestResponse> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return app.inject({ method: 'POST', url, headers, payload: new URLSearchParams(fields).toString() })
}

t.test('an unchanged Simple JWT client can sign in, verify, refresh and blacklist', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)

  const signedIn = await post(app, '/api/token/', { username: ada.email, password: PASSWORD, next: '/home' })
  t.equal(signedIn.statusCode, 200)
  t.strictSame(Object.keys(signedIn.json()), ['refresh', 'access'])
  t.equal(signedIn.headers['cache-control'], 'no-store')
  t.match(signedIn.headers['content-type'], /^application\/json/)
  t.equal(signedIn.headers['set-cookie'], undefined)
  const { access, refresh } = signedIn.json()

  for (const token of [access, refresh]) {
    const verified = await post(app, '/api/token/verify/', { token })
    t.equal(verified.statusCode, 200)
    t.strictSame(verified.json(), {})
  }

  await clock.advance(60)
  const refreshed = await post(app, '/api/token/refresh/', { refresh })
  t.equal(refreshed.statusCode, 200)
  t.strictSame(Object.keys(refreshed.json()), ['access', 'refresh'])
  const next = refreshed.json()
  t.not(next.refresh, refresh, 'it rotates')

  const ended = await post(app, '/api/token/blacklist/', { refresh: next.refresh })
  t.equal(ended.statusCode, 200)
  t.strictSame(ended.json(), {})
  for (const token of [access, next.access, next.refresh]) {
    const refused = await post(app, '/api/token/verify/', { token })
    t.equal(refused.statusCode, 401)
    t.match(refused.json(), notValid('Token is blacklisted'))
  }
  const again = await post(app, '/api/token/refresh/', { refresh: next.refresh })
  t.equal(again.statusCode, 401)
  t.strictSame(again.json(), notValid('Token is blacklisted'))
  t.equal(again.headers['www-authenticate'], 'Bearer realm="api"')
  const twice = await post(app, '/api/token/blacklist/', { refresh: next.refresh })
  t.equal(twice.statusCode, 401)
  t.strictSame(twice.json(), notValid('Token is blacklisted'))
})

t.test('the /api/token URLs work without a trailing slash and accept form bodies', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  for (const slash of ['', '/']) {
    const { access, refresh } = (
      await form(app, `/api/token${slash}`, { username: ada.email, password: PASSWORD })
    ).json()
    t.equal((await form(app, `/api/token/verify${slash}`, { token: access })).statusCode, 200)
    t.equal((await form(app, `/api/token/refresh${slash}`, { refresh })).statusCode, 200)
    t.equal((await form(app, `/api/token/blacklist${slash}`, { refresh })).statusCode, 200)
  }
})

t.test('/api/token/ accepts a username, an e-mail, or an e-mail in the username field', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app, 'ada@example.com')
  const eve = await signUp(app, 'eve@example.com')
  await database.admin`update users set username = 'ada' where id = ${ada.userId}`
  await database.admin`update users set username = 'bob@example.com' where id = ${eve.userId}`
  const whoIs = async (names: object) => {
    const answer = await post(app, '/api/token/', { ...names, password: PASSWORD })
    return answer.statusCode === 200 ? payloadOf(answer.json().access).sub : answer.statusCode
  }
  t.equal(await whoIs({ username: 'ada' }), ada.userId)
  t.equal(await whoIs({ email: 'ada@example.com' }), ada.userId)
  t.equal(await whoIs({ username: ' Ada@Example.com ' }), ada.userId)
  t.equal(
    await whoIs({ username: 'bob@example.com' }),
    eve.userId,
    'an imported username that looks like an e-mail, while no account has that e-mail',
  )
  const bob = await signUp(app, 'bob@example.com')
  t.equal(await whoIs({ username: 'bob@example.com' }), bob.userId, 'the account with that e-mail comes first')
  t.equal(await whoIs({ email: 'bob@example.com' }), bob.userId)
  t.equal(await whoIs({ username: 'Ada' }), 401, 'usernames are case-sensitive, as in Django')
})

t.test('an access token from /api/token/ has Simple JWT’s claims, also after a refresh at either URL', async t => {
  const { app, clock, database } = await buildTestApp(t)
  const ada = await signUp(app)
  const first = await obtain(app, ada.email)
  t.match(payloadOf(first.access), {
    token_type: 'access',
    user_id: ada.userId,
    sub: ada.userId,
    client_id: 'simple-jwt',
  })

  await database.admin`update users set external_id = '42' where id = ${ada.userId}`
  await clock.advance(60)
  const second = (await post(app, '/api/token/refresh/', { refresh: first.refresh })).json()
  t.match(payloadOf(second.access), { token_type: 'access', user_id: '42', sub: ada.userId })
  await clock.advance(60)
  const third = (await refresh(app, second.refresh)).json()
  t.match(
    payloadOf(third.access_token),
    { token_type: 'access', user_id: '42' },
    'the session keeps the dialect in which it was opened',
  )

  t.notMatch(payloadOf(ada.accessToken), { token_type: 'access' }, 'other access tokens do not have these claims')
  const crossed = (await post(app, '/api/token/refresh/', { refresh: ada.refreshToken })).json()
  t.match(
    payloadOf(crossed.access),
    { token_type: 'access', client_id: 'latchkey' },
    'unless /api/token/refresh/ issued them',
  )
  t.equal(await verify(app, crossed.access), 200)
})

t.test('an unknown account, a wrong password and a disabled account get identical answers without a code', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  const eve = await signUp(app)
  await database.admin`update users set disabled_at = now() where id = ${eve.userId}`
  const answers = await Promise.all([
    post(app, '/api/token/', { username: ada.email, password: 'not it' }),
    post(app, '/api/token/', { username: 'nobody', password: PASSWORD }),
    post(app, '/api/token/', { email: 'no address', password: PASSWORD }),
    post(app, '/api/token/', { username: eve.email, password: PASSWORD }),
  ])
  for (const answer of answers) {
    t.equal(answer.statusCode, 401)
    t.strictSame(answer.json(), NO_ACCOUNT)
    t.equal(answer.headers['www-authenticate'], 'Bearer realm="api"')
  }
})

t.test('an invalid body is refused with the texts of Django REST framework', async t => {
  const { app } = await buildTestApp(t)
  const required = ['This field is required.']
  const blank = ['This field may not be blank.']
  // Each was recorded from Simple JWT 5.2.2 on Django REST framework 3.14.
  const cases: [url: string, payload: string, body: object][] = [
    ['/api/token/', '{}', { username: required, password: required }],
    ['/api/token/', '', { username: required, password: required }],
    ['/api/token/', '{"username":"ada"}', { password: required }],
    ['/api/token/', '{"email":"ada@example.com"}', { password: required }],
    ['/api/token/', '{"username":"","password":" "}', { username: blank, password: blank }],
    ['/api/token/', '{"username":"ada","password":null}', { password: ['This field may not be null.'] }],
    [
      '/api/token/',
      '{"username":["ada"],"password":{}}',
      { username: ['Not a valid string.'], password: ['Not a valid string.'] },
    ],
    ['/api/token/', '{"username":true,"password":1}', { username: ['Not a valid string.'] }],
    ['/api/token/', '{"username":"a\\u0000","password":"a"}', { username: ['Null characters are not allowed.'] }],
    [
      '/api/token/',
      '{"username":"\\ud800","password":"a"}',
      { username: ['Surrogate characters are not allowed: U+D800.'] },
    ],
    ['/api/token/', '[]', { non_field_errors: ['Invalid data. Expected a dictionary, but got list.'] }],
    ['/api/token/', '"x"', { non_field_errors: ['Invalid data. Expected a dictionary, but got str.'] }],
    ['/api/token/', 'null', { non_field_errors: ['No data provided'] }],
    ['/api/token/refresh/', '{}', { refresh: required }],
    ['/api/token/refresh/', '{"refresh":""}', { refresh: blank }],
    ['/api/token/verify/', '{}', { token: required }],
    ['/api/token/verify/', '{"token":""}', { token: blank }],
    ['/api/token/blacklist/', '{}', { refresh: required }],
  ]
  for (const [url, payload, body] of cases) {
    const headers = { 'content-type': 'application/json' }
    const answer = await app.inject({ method: 'POST', url, headers, payload })
    t.equal(answer.statusCode, 400, `${url} ${payload}`)
    t.strictSame(answer.json(), body, `${url} ${payload}`)
  }
  t.strictSame((await form(app, '/api/token/', {})).json(), { username: required, password: required })
  t.strictSame((await app.inject({ method: 'POST', url: '/api/token/refresh/' })).json(), { refresh: required })
})

t.test('a string that is not a token of this service is refused with "Token is invalid"', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  for (const [url, field, token] of [
    ['/api/token/refresh/', 'refresh', 'abc'],
    ['/api/token/refresh/', 'refresh', `${ada.accessToken.slice(0, -4)}AAAA`],
    ['/api/token/blacklist/', 'refresh', 'abc'],
    ['/api/token/verify/', 'token', 'abc'],
    ['/api/token/verify/', 'token', 'eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl'],
    ['/api/token/verify/', 'token', `${ada.refreshToken.slice(0, -1)}_`],
  ] as const) {
    const answer = await post(app, url, { [field]: token })
    t.equal(answer.statusCode, 401)
    t.strictSame(answer.json(), notValid('Token is invalid'), `${url} ${token.slice(0, 20)}`)
  }
})

t.test('an access token in the place of a refresh token has the wrong type, or has expired', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  const { access } = await obtain(app, ada.email)
  const answers = (token: string) =>
    Promise.all(['refresh', 'blacklist'].map(path => post(app, `/api/token/${path}/`, { refresh: token })))
  for (const token of [access, ada.accessToken])
    for (const answer of await answers(token)) {
      t.equal(answer.statusCode, 401)
      t.strictSame(answer.json(), notValid('Token has wrong type'))
    }
  t.equal(await verify(app, access), 200, 'its session continues')
  await clock.advance(16 * 60)
  for (const answer of await answers(access)) t.strictSame(answer.json(), notValid('Token is expired'))
})

t.test('an expired token and a token of a disabled account are refused with different texts', async t => {
  const { app, clock, database } = await buildTestApp(t)
  const ada = await signUp(app)
  const { access, refresh } = await obtain(app, ada.email)
  await clock.advance(16 * 60)
  t.match((await post(app, '/api/token/verify/', { token: access })).json(), notValid('Token is expired'))
  t.equal((await post(app, '/api/token/verify/', { token: refresh })).statusCode, 200)
  await clock.advance(8 * 24 * 60 * 60)
  for (const [url, field] of [
    ['/api/token/verify/', 'token'],
    ['/api/token/refresh/', 'refresh'],
    ['/api/token/blacklist/', 'refresh'],
  ] as const)
    t.strictSame((await post(app, url, { [field]: refresh })).json(), notValid('Token is expired'), url)

  const later = await obtain(app, ada.email)
  await database.admin`update users set disabled_at = now() where id = ${ada.userId}`
  const refused = await post(app, '/api/token/refresh/', { refresh: later.refresh })
  t.equal(refused.statusCode, 401)
  t.strictSame(refused.json(), { detail: 'No active account found for the given token.' })
})

t.test('every endpoint that refuses an access token from /api/token/ adds Simple JWT’s messages', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  const { access } = await obtain(app, ada.email)
  const native = await signIn(app, ada.email)
  await clock.advance(16 * 60)
  const messages = [{ token_class: 'AccessToken', token_type: 'access', message: 'Token is expired' }]

  for (const url of ['/auth/profile', '/auth/verify', '/auth/sessions']) {
    const refused = await get(app, url, access)
    t.match(refused.headers['content-type'], /^application\/problem\+json/)
    t.match(refused.json(), { code: 'token_expired', messages }, url)
    t.notOk('messages' in (await get(app, url, native.accessToken)).json(), 'other tokens get no messages')
  }
  t.match((await post(app, '/auth/verify', { token: access })).json(), { code: 'token_expired', messages })
  for (const [refused, detail] of [
    [await post(app, '/api/token/verify/', { token: access }), 'Token is expired'],
    [await get(app, '/api/users/me/sessions', access), 'Given token not valid for any token type'],
  ] as const) {
    t.equal(refused.statusCode, 401)
    t.strictSame(refused.json(), { ...notValid(detail), messages })
    t.equal(refused.headers['www-authenticate'], 'Bearer realm="api"')
  }
})

t.test('an axios interceptor that waits for token_not_valid refreshes and repeats the request', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  const latchkey = `http://127.0.0.1:${await listen(app)}`
  const client = new SimpleJwtClient(latchkey, await obtain(app, ada.email))
  const list = () => client.get(`${latchkey}/api/users/me/sessions`)
  t.equal((await list()).data.length, 2)
  for (const refreshes of [1, 2]) {
    await clock.advance(16 * 60)
    t.equal((await list()).data.length, 2, 'the list arrives although the token had expired')
    t.equal(client.refreshes, refreshes)
  }
  await post(app, '/api/token/blacklist/', { refresh: client.tokens.refresh })
  const error = await list().then(
    () => undefined,
    (error: { response: { data: object } }) => error,
  )
  t.match(error?.response, { status: 401, data: { code: 'token_not_valid' } })
  t.equal(client.refreshes, 2, 'a blacklisted refresh token cannot refresh')
})

t.test('a change of roles makes a Simple JWT client refresh', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const { access, refresh } = await obtain(app, ada.email)
  await setRoles(app.context, ada.email, ['editor'], 'cli')
  t.match((await post(app, '/api/token/verify/', { token: access })).json(), notValid('Token is expired'))
  const next = (await post(app, '/api/token/refresh/', { refresh })).json()
  t.equal((await post(app, '/api/token/verify/', { token: next.access })).statusCode, 200)
  t.strictSame(payloadOf(next.access).roles, ['editor'])
})

t.test('verifying a refresh token does not change its session, even if the token was used before', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  const first = await obtain(app, ada.email)
  const next = async (refresh: string) => (await post(app, '/api/token/refresh/', { refresh })).json().refresh
  const second = await next(first.refresh)
  await clock.advance(60)
  const third = await next(second)
  await clock.advance(60)
  t.equal(
    (await post(app, '/api/token/verify/', { token: second })).statusCode,
    200,
    'the response that replaced it may have been lost',
  )
  const used = await post(app, '/api/token/verify/', { token: first.refresh })
  t.strictSame(used.json(), notValid('Token is blacklisted'))
  t.equal((await post(app, '/api/token/refresh/', { refresh: third })).statusCode, 200, 'the session is still valid')
})

t.test('reusing an old refresh token at the refresh or blacklist URL revokes its session', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  for (const url of ['/api/token/refresh/', '/api/token/blacklist/']) {
    const first = await obtain(app, ada.email)
    const second = (await post(app, '/api/token/refresh/', { refresh: first.refresh })).json()
    await clock.advance(60)
    const third = (await post(app, '/api/token/refresh/', { refresh: second.refresh })).json()
    if (url.endsWith('refresh/')) {
      // It may be a request that the network delayed.
      t.strictSame((await post(app, url, { refresh: first.refresh })).json(), notValid('Token is blacklisted'))
      t.equal(await verify(app, third.access), 200)
      await clock.advance(SUPERSEDED_GRACE_SECONDS + 1)
    }
    const answer = await post(app, url, { refresh: first.refresh })
    t.equal(answer.statusCode, url.endsWith('blacklist/') ? 200 : 401)
    t.equal((await post(app, '/api/token/refresh/', { refresh: third.refresh })).statusCode, 401, url)
    t.equal(await verify(app, third.access), 'token_revoked')
  }
})

t.test('a correct password that must be changed is refused with the code password_change_required', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  await database.admin`update users set must_change_password = true where id = ${ada.userId}`
  const right = await post(app, '/api/token/', { username: ada.email, password: PASSWORD })
  t.equal(right.statusCode, 403)
  t.match(right.json(), { detail: String, code: 'password_change_required' })
  const wrong = await post(app, '/api/token/', { username: ada.email, password: 'not it' })
  t.strictSame(wrong.json(), NO_ACCOUNT)
})

t.test('other errors at /api/token/ have the form of Django REST framework, not of problem details', async t => {
  const { app } = await buildTestApp(t)
  const json = { 'content-type': 'application/json' }
  const send = (options: object) => app.inject({ method: 'POST', url: '/api/token/', headers: json, ...options })
  const cases = [
    [await send({ payload: '{"password":"canary' }), 400, { detail: /^JSON parse error - / }],
    [await send({ payload: Buffer.from('{"username":"\xff"}', 'latin1') }), 400, { detail: /^JSON parse error - / }],
    [
      await send({ headers: { 'content-type': 'text/plain' }, payload: 'x' }),
      415,
      { detail: 'Unsupported media type "text/plain" in request.' },
    ],
    [await send({ payload: JSON.stringify({ username: 'a'.repeat(9000) }) }), 413, { detail: String }],
    [
      await app.inject({
        method: 'PUT',
        url: '/api/token/',
        headers: { 'content-type': 'application/json' },
        payload: '{bad',
      }),
      405,
      { detail: 'Method "PUT" not allowed.' },
    ],
    [await app.inject('/api/token/'), 405, { detail: 'Method "GET" not allowed.' }],
    [await app.inject('/api/token/refresh?a=b'), 405, { detail: 'Method "GET" not allowed.' }],
    [await app.inject('/api/token/other/'), 404, { detail: 'Not found.' }],
    [await send({ headers: { ...json, authorization: ['a', 'a'] } }), 400, { detail: String }],
  ] as const
  for (const [answer, status, body] of cases) {
    t.equal(answer.statusCode, status)
    t.match(answer.headers['content-type'], /^application\/json/)
    t.match(answer.json(), body)
    t.notOk('type' in answer.json())
    t.notMatch(answer.body, 'canary')
  }
  t.equal((await app.inject('/api/token/')).headers.allow, 'POST, OPTIONS')
})

t.test('requests to /api/token/ and /auth/login share one rate limit', async t => {
  const { app } = await buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_PER_ADDRESS: '3' })
  const attempt = (url: string) => post(app, url, { username: 'nobody', password: 'nothing' })
  t.equal((await attempt('/api/token/')).statusCode, 401)
  t.equal((await attempt('/api/token')).statusCode, 401)
  t.equal((await attempt('/auth/login')).statusCode, 401)
  const throttled = await attempt('/api/token/')
  t.equal(throttled.statusCode, 429)
  t.match(throttled.json().detail, /^Request was throttled\. Expected available in \d+ seconds?\.$/)
  t.strictSame(Object.keys(throttled.json()), ['detail'])
  t.match(throttled.headers['retry-after'], /^\d+$/)
  t.equal((await attempt('/auth/login')).statusCode, 429)
})

t.test('failed sign-ins count for the account, whether its e-mail is in the username or the e-mail field', async t => {
  const { app } = await buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_FAILURES_PER_ACCOUNT: '2' })
  const ada = await signUp(app)
  t.equal((await post(app, '/api/token/', { username: ada.email, password: 'a' })).statusCode, 401)
  t.equal((await post(app, '/api/token/', { email: ada.email, password: 'b' })).statusCode, 401)
  const refused = await post(app, '/auth/login', { email: ada.email, password: PASSWORD })
  t.equal(refused.json().code, 'rate_limited')
})

t.test('/api/token/refresh/ neither reads nor sets the refresh cookie', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const headers = { cookie: `__Host-latchkey=${ada.refreshToken}` }
  const refused = await post(app, '/api/token/refresh/', {}, headers)
  t.strictSame(refused.json(), { refresh: ['This field is required.'] })
  const { refresh } = await obtain(app, ada.email)
  const answer = await post(app, '/api/token/refresh/', { refresh }, headers)
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['set-cookie'], undefined)
})

t.test('the routes of a dialect that is not in DIALECTS answer 404', async t => {
  const { app } = await buildTestApp(t, { DIALECTS: 'none' })
  for (const url of ['/api/token/', '/api/token/refresh/']) t.equal((await post(app, url, {})).json().code, 'not_found')
  t.equal((await app.inject('/api/users/me/sessions')).json().code, 'not_found')
  const { app: other } = await buildTestApp(t, { DIALECTS: 'sessions' })
  t.equal((await post(other, '/api/token/', {})).statusCode, 404)
  t.equal((await other.inject('/api/users/me/sessions')).statusCode, 401)
})

t.test('OPTIONS on /api/token/ describes POST, and an unsupported method is refused without a code', async t => {
  const { app } = await buildTestApp(t)
  const field = { type: 'string', required: true, read_only: false }
  const [username, password] = [
    { ...field, label: 'Username' },
    { ...field, label: 'Password' },
  ]
  const refresh = { ...field, label: 'Refresh' }
  for (const [path, name, fields] of [
    ['/api/token/', 'Token Obtain Pair', { username, password }],
    ['/api/token', 'Token Obtain Pair', { username, password }],
    ['/api/token/refresh/', 'Token Refresh', { refresh }],
    ['/api/token/verify/', 'Token Verify', { token: { ...field, label: 'Token' } }],
    ['/api/token/blacklist/', 'Token Blacklist', { refresh }],
  ] as const) {
    const answer = await app.inject({ method: 'OPTIONS', url: path })
    t.match(answer, { statusCode: 200, headers: { allow: 'POST, OPTIONS' } }, path)
    t.strictSame(
      { ...answer.json(), description: '' },
      {
        name,
        description: '',
        renders: ['application/json'],
        parses: ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'],
        actions: { POST: fields },
      },
    )
    const refused = await app.inject({ method: 'PUT', url: path })
    t.equal(refused.statusCode, 405)
    t.strictSame(refused.json(), { detail: 'Method "PUT" not allowed.' })
  }
})
