import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { payloadOf } from '../attacks/forger.js'
import { buildTestApp } from '../support/build-test-app.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { get, PASSWORD, post, refresh, signIn, signUp, verify } from '../support/people.js'

const PREFIX = '/api/v1/auth'
const ENVELOPE = { DIALECTS: 'envelope' }
const WRONG = 'not the password of anybody'

const signUpThere = async (app: FastifyInstance, email = 'ada@example.com', prefix = PREFIX) =>
  (await post(app, `${prefix}/register`, { email, password: PASSWORD })).json().data

t.test('an older client can register, read the profile, refresh, sign in and sign out everywhere', async t => {
  const { app, clock } = await buildTestApp(t, ENVELOPE)
  const email = 'ada@example.com'
  const body = { email, password: PASSWORD, first_name: 'Ada', password_confirmation: PASSWORD }
  const registered = await post(app, `${PREFIX}/register`, body)
  t.equal(registered.statusCode, 201)
  t.match(registered.headers, { 'content-type': /^application\/json/, 'cache-control': 'no-store' })
  t.equal(registered.headers['set-cookie'], undefined)
  t.strictSame(Object.keys(registered.json()), ['success', 'message', 'data'])
  t.match(registered.json(), { success: true, message: 'Your account has been created.' })
  const { data } = registered.json()
  t.strictSame(Object.keys(data), ['access_token', 'refresh_token', 'expires_in', 'token_type'])
  t.match(data, { expires_in: 900, token_type: 'Bearer' })

  const profile = await get(app, `${PREFIX}/profile`, data.access_token)
  t.equal(profile.statusCode, 200)
  const { sub } = payloadOf(data.access_token)
  t.match(profile.json(), { success: true, data: { id: sub, email, username: null, roles: [], created_at: String } })

  await clock.advance(60)
  const refreshed = (await post(app, `${PREFIX}/refresh`, { refresh_token: data.refresh_token })).json()
  t.strictSame(Object.keys(refreshed.data), Object.keys(data))
  t.not(refreshed.data.refresh_token, data.refresh_token, 'it rotates')
  await clock.advance(60)
  const again = await post(app, `${PREFIX}/refresh-token`, { refreshToken: refreshed.data.refresh_token })
  t.equal(again.statusCode, 200, 'older names of the route and of the field are accepted')

  const signedIn = await post(app, `${PREFIX}/login`, { email, password: PASSWORD })
  t.equal(signedIn.statusCode, 200)
  t.match(signedIn.json(), { success: true, message: 'You are signed in.', data: { token_type: 'Bearer' } })
  const elsewhere = await signIn(app, email)

  const headers = { authorization: `Bearer ${signedIn.json().data.access_token}` }
  const signedOut = await app.inject({ method: 'POST', url: `${PREFIX}/logout`, headers })
  t.equal(signedOut.statusCode, 200)
  t.strictSame(signedOut.json(), { success: true, message: 'You are signed out on all devices.', data: null })
  for (const token of [data.access_token, signedIn.json().data.access_token, elsewhere.accessToken])
    t.equal(await verify(app, token), 'token_revoked', 'every session of the user has ended')
})

t.test(
  'signing out takes the refresh token too, and a token that is no longer valid cannot end other sessions',
  async t => {
    const { app, clock } = await buildTestApp(t, ENVELOPE)
    const { refresh_token } = await signUpThere(app)
    const other = await signIn(app, 'ada@example.com')
    const logOut = (payload?: object, headers = {}) =>
      app.inject({ method: 'POST', url: `${PREFIX}/logout`, headers, ...(payload && { payload }) })

    t.match((await logOut()).json(), { success: false, code: 'authentication_required' })
    const empty = await logOut(undefined, { 'content-type': 'application/json' })
    t.equal(empty.json().code, 'authentication_required', 'an empty body is no body')
    await clock.advance(16 * 60)
    const expired = await logOut({}, { authorization: `Bearer ${other.accessToken}` })
    t.equal(expired.statusCode, 401)
    t.equal(expired.json().code, 'live_token_required')
    t.equal((await refresh(app, other.refreshToken)).statusCode, 200)
    t.equal((await logOut({ refresh_token })).statusCode, 200)
    t.equal((await refresh(app, other.refreshToken)).statusCode, 401)
  },
)

t.test('ENVELOPE_CASE=camel writes camelCase in every answer, and ENVELOPE_PREFIX moves the routes', async t => {
  const env = { ...ENVELOPE, ENVELOPE_CASE: 'camel', ENVELOPE_PREFIX: '/v2/users' }
  const { app } = await buildTestApp(t, env)
  const data = await signUpThere(app, 'ada@example.com', '/v2/users')
  t.strictSame(Object.keys(data), ['accessToken', 'refreshToken', 'expiresIn', 'tokenType'])
  const profile = await get(app, '/v2/users/profile', data.accessToken)
  t.strictSame(Object.keys(profile.json().data), ['id', 'email', 'emailVerified', 'username', 'roles', 'createdAt'])
  for (const body of [{ refreshToken: data.refreshToken }, { refresh_token: data.refreshToken }])
    t.equal((await post(app, '/v2/users/refresh', body)).statusCode, 200, 'both spellings are accepted')
  const twice = { refreshToken: data.refreshToken, refresh_token: data.refreshToken }
  for (const body of [{}, twice])
    t.match((await post(app, '/v2/users/refresh', body)).json(), { errors: [{ field: 'refreshToken' }] })
  t.equal((await post(app, `${PREFIX}/login`, {})).json().type, 'urn:latchkey:error:not_found')
})

t.test('below PUBLIC_PATH the routes answer with and without it', async t => {
  const { app } = await buildTestApp(t, { ...ENVELOPE, ENVELOPE_PREFIX: '/v1/people', PUBLIC_PATH: '/identity' })
  for (const url of ['/v1/people/login', '/identity/v1/people/login'])
    t.match((await post(app, url, {})).json(), { success: false, code: 'invalid_request' }, url)
})

t.test('every error has the envelope, a status, a code and the headers of its status', async t => {
  const { app, clock, database } = await buildTestApp(t, ENVELOPE)
  const ada = await signUpThere(app)
  const native = await signIn(app, 'ada@example.com')
  const json = { 'content-type': 'application/json' }
  const send = (path: string, payload: string | Buffer, headers: Record<string, string | string[]> = json) =>
    app.inject({ method: 'POST', url: `${PREFIX}${path}`, headers, payload })
  await clock.advance(16 * 60)
  const cases = [
    [await send('/login', '{"password":"canary'), 400, 'invalid_json'],
    [await send('/login', Buffer.from('{"email":"\xff"}', 'latin1')), 400, 'invalid_json'],
    [await send('/login', '[]'), 400, 'invalid_request'],
    [await send('/login', '{}', { ...json, authorization: ['a', 'a'] }), 400, 'ambiguous_request'],
    [await send('/login', 'x', { 'content-type': 'text/plain' }), 415, 'unsupported_media_type'],
    [await send('/login', JSON.stringify({ email: 'a'.repeat(9000) })), 413, 'body_too_large'],
    [await send('/nothing', '{bad'), 404, 'not_found'],
    [await app.inject(PREFIX), 404, 'not_found'],
    [await app.inject(`${PREFIX}/%zz`), 400, 'invalid_request'],
    [await app.inject(`${PREFIX}/login?a=b`), 405, 'method_not_allowed'],
    [await send('/profile', '{bad'), 405, 'method_not_allowed'],
    [await post(app, `${PREFIX}/login`, { email: 'ada@example.com', password: WRONG }), 401, 'invalid_credentials'],
    [await post(app, `${PREFIX}/register`, { email: 'ada@example.com', password: PASSWORD }), 409, 'email_taken'],
    [await post(app, `${PREFIX}/refresh`, { refresh_token: 'abc' }), 401, 'refresh_token_invalid'],
    [await get(app, `${PREFIX}/profile`, ada.access_token), 401, 'token_expired'],
    [await get(app, `${PREFIX}/profile`, native.accessToken), 401, 'token_expired'],
    [await get(app, `${PREFIX}/profile`, 'abc'), 401, 'token_invalid'],
    [await app.inject(`${PREFIX}/profile`), 401, 'authentication_required'],
  ] as const
  for (const [answer, status, code] of cases) {
    t.equal(answer.statusCode, status, code)
    t.match(answer.headers['content-type'], /^application\/json/, code)
    t.match(answer.json(), { success: false, message: /^[A-Z].+\.$/, code }, code)
    t.notOk(
      ['type', 'data', 'detail'].some(member => member in answer.json()),
      code,
    )
    t.notMatch(answer.body, 'canary')
    if (status === 401) t.match(answer.headers['www-authenticate'], /^Bearer/, code)
    t.match(answer.headers, { 'content-language': 'en', vary: /Accept-Language/, 'cache-control': 'no-store' }, code)
  }
  t.equal((await app.inject(`${PREFIX}/profile?x`)).headers['www-authenticate'], 'Bearer')
  t.equal((await get(app, `${PREFIX}/profile`, 'abc')).headers['www-authenticate'], 'Bearer error="invalid_token"')
  t.equal((await app.inject(`${PREFIX}/login`)).headers.allow, 'POST')
  t.equal((await send('/profile', '{}')).headers.allow, 'GET, HEAD')

  await database.admin`alter table users rename to people`
  const broken = await post(app, `${PREFIX}/login`, { email: 'ada@example.com', password: PASSWORD })
  t.equal(broken.statusCode, 500)
  t.strictSame(broken.json(), {
    success: false,
    message: 'Something went wrong. Please try again later.',
    code: 'internal_error',
  })
  await database.admin`alter table people rename to users`
})

t.test('a store that is unavailable is a 503 in the envelope, with Retry-After', async t => {
  const { another, database } = await buildTestApp(t)
  const postgres = await startFaultProxy(t, { target: database.url })
  const { app } = await another({ ...ENVELOPE, DATABASE_URL: postgres.url })
  await postgres.refuse()
  const answer = await post(app, `${PREFIX}/login`, { email: 'ada@example.com', password: PASSWORD })
  t.equal(answer.statusCode, 503)
  t.match(answer.headers, { 'retry-after': /^\d+$/, 'content-type': /^application\/json/ })
  t.match(answer.json(), { success: false, code: 'store_unavailable', message: /not available/ })
})

t.test('every invalid field is named, with a message for people', async t => {
  const { app } = await buildTestApp(t, { ...ENVELOPE, PASSWORD_MIN_LENGTH: '12' })
  const required = 'This field is required.'
  const short = 'Please use a password with at least 12 characters.'
  const cases: [path: string, body: object, status: number, errors: object[] | undefined][] = [
    [
      '/login',
      {},
      400,
      [
        { field: 'email', message: required },
        { field: 'password', message: required },
      ],
    ],
    ['/login', { password: 'a' }, 400, [{ field: 'email', message: required }]],
    ['/login', { email: '', password: null }, 400, [{ field: 'email', message: required }, { field: 'password' }]],
    ['/login', { username: 'a', email: null }, 400, [{ field: 'password', message: required }]],
    ['/login', { email: 'a', username: 'a', password: 'a' }, 400, [{ field: 'username', message: /only one/ }]],
    [
      '/login',
      { email: 1, password: {} },
      400,
      [
        { field: 'email', message: /text/ },
        { field: 'password', message: /text/ },
      ],
    ],
    ['/login', { email: 'a\0', password: 'a\ufffd' }, 400, [{ field: 'email' }, { field: 'password' }]],
    ['/login', { email: 'a'.repeat(321), password: 'a' }, 400, [{ field: 'email', message: /too long/ }]],
    ['/login', { email: 'a', password: 'a', remember: 'yes' }, 400, [{ field: 'remember', message: /true or false/ }]],
    [
      '/register',
      {},
      400,
      [
        { field: 'email', message: required },
        { field: 'password', message: required },
      ],
    ],
    ['/register', { email: 'a', password: PASSWORD }, 422, [{ field: 'email', message: /valid e-mail/ }]],
    ['/register', { email: 'a@example.com', password: 'short' }, 422, [{ field: 'password', message: short }]],
    ['/register', { email: 'a@example.com', password: '123456789012' }, 422, [{ field: 'password', message: /guess/ }]],
    ['/refresh', {}, 400, [{ field: 'refresh_token', message: required }]],
    ['/refresh', { refreshToken: 7 }, 400, [{ field: 'refresh_token', message: /text/ }]],
    ['/logout', { refreshToken: 7 }, 400, [{ field: 'refresh_token', message: /text/ }]],
    ['/login', { email: 'nobody@example.com', password: 'a' }, 401, undefined],
  ]
  for (const [path, body, status, errors] of cases) {
    const answer = await post(app, PREFIX + path, body)
    const title = `${path} ${JSON.stringify(body).slice(0, 60)}`
    t.equal(answer.statusCode, status, title)
    if (errors === undefined) t.notOk('errors' in answer.json(), title)
    else t.match(answer.json().errors, errors, title)
    t.equal(answer.json().errors?.length, errors?.length, title)
  }
})

t.test('the envelope gives no additional attempts, and its 429 says when to try again', async t => {
  const { app } = await buildTestApp(t, {
    DIALECTS: 'simple-jwt,envelope',
    RATE_LIMIT: 'on',
    RATE_LIMIT_PER_ADDRESS: '3',
  })
  const attempt = (url: string) => post(app, url, { username: 'nobody', password: 'nothing' })
  t.equal((await attempt(`${PREFIX}/login`)).statusCode, 401)
  t.equal((await attempt('/api/token/')).statusCode, 401)
  t.equal((await attempt('/auth/login')).statusCode, 401)
  const throttled = await attempt(`${PREFIX}/login`)
  t.equal(throttled.statusCode, 429)
  t.match(throttled.headers['retry-after'], /^\d+$/)
  t.match(throttled.json(), {
    success: false,
    message: `Too many attempts. Please try again in ${throttled.headers['retry-after']} second`,
    code: 'rate_limited',
  })
  t.equal((await attempt('/auth/login')).statusCode, 429)

  for (const [path, ours] of [
    ['/register', '/auth/register'],
    ['/refresh', '/auth/refresh'],
  ] as const) {
    for (let i = 0; i < 3; i++) t.not((await post(app, PREFIX + path, {})).statusCode, 429)
    t.equal((await post(app, ours, {})).statusCode, 429, ours)
  }
})

t.test('failed sign-ins at the envelope count for the account', async t => {
  const { app } = await buildTestApp(t, { ...ENVELOPE, RATE_LIMIT: 'on', RATE_LIMIT_FAILURES_PER_ACCOUNT: '2' })
  const ada = await signUp(app)
  for (const names of [{ username: ada.email }, { email: ada.email }])
    t.equal((await post(app, `${PREFIX}/login`, { ...names, password: WRONG })).statusCode, 401)
  const refused = await post(app, '/auth/login', { email: ada.email, password: PASSWORD })
  t.equal(refused.json().code, 'rate_limited')
})

t.test('the envelope follows REGISTRATION, writes the same events, and its sessions are the usual ones', async t => {
  const { app, another } = await buildTestApp(t, ENVELOPE)
  const { access_token } = await signUpThere(app)
  const { access_token: second } = (
    await post(app, `${PREFIX}/login`, { username: 'ada@example.com', password: PASSWORD })
  ).json().data
  const { events } = (await get(app, '/auth/events', access_token)).json()
  t.match(events.map(({ type }: { type: string }) => type).sort(), ['registered', 'signed_in'])
  const sessions = (await get(app, '/auth/sessions', second)).json()
  t.match(sessions, [
    { transport: 'body', current: true },
    { transport: 'body', current: false },
  ])

  const { app: closed } = await another({ REGISTRATION: 'closed' })
  const refused = await post(closed, `${PREFIX}/register`, { email: 'eve@example.com', password: PASSWORD })
  t.equal(refused.statusCode, 403)
  t.match(refused.json(), { success: false, code: 'registration_closed' })
})

t.test('no cookie is a token at the envelope, and a cross-site request with our cookies is refused', async t => {
  const { app } = await buildTestApp(t, { ...ENVELOPE, ACCESS_COOKIE: 'on' })
  const ada = await signUp(app)
  const cookie = `__Host-latchkey=${ada.refreshToken}; __Host-latchkey-at=${ada.accessToken}`
  t.equal((await app.inject({ url: '/auth/profile', headers: { cookie } })).statusCode, 200)
  t.equal((await app.inject({ url: `${PREFIX}/profile`, headers: { cookie } })).json().code, 'authentication_required')
  for (const path of ['/refresh', '/logout']) {
    const refused = await post(app, PREFIX + path, {}, { cookie })
    t.match(refused.json().code, path === '/refresh' ? 'invalid_request' : 'authentication_required')
  }
  const foreign = await post(app, `${PREFIX}/logout`, {}, { cookie, origin: 'https://evil.example' })
  t.equal(foreign.statusCode, 403)
  t.match(foreign.json(), { success: false, code: 'cross_site_request' })
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('the envelope is off by default', async t => {
  const { app } = await buildTestApp(t)
  t.equal((await post(app, `${PREFIX}/login`, {})).json().type, 'urn:latchkey:error:not_found')
  t.notOk(Object.keys(app.swagger().paths ?? {}).some(path => path.startsWith(PREFIX)))
})

t.test('OpenAPI describes the routes of the envelope in the configured spelling', async t => {
  const { app } = await buildTestApp(t, { ...ENVELOPE, ENVELOPE_CASE: 'camel' })
  await app.ready()
  const paths = app.swagger().paths as Record<string, Record<string, { operationId: string; responses: object }>>
  const ours = Object.entries(paths).filter(([path]) => path.startsWith(PREFIX))
  t.strictSame(
    ours.map(([path, operations]) => [path.slice(PREFIX.length), Object.values(operations)[0]!.operationId]),
    [
      ['/register', 'envelopeRegister'],
      ['/login', 'envelopeLogIn'],
      ['/refresh', 'envelopeRefresh'],
      ['/logout', 'envelopeLogOut'],
      ['/profile', 'envelopeProfile'],
    ],
  )
  t.match(JSON.stringify(paths[`${PREFIX}/login`]), /"accessToken".*"rate_limited|invalid_credentials/)
})
