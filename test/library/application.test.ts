import { PassThrough } from 'node:stream'
import Fastify from 'fastify'
import { pino } from 'pino'
import t from 'tap'
import { ConfigError, createLatchkey, LatchkeyError } from '../../src/index.js'
import { until } from '../support/eventually.js'
import { get, PASSWORD, post, refresh, signIn, signUp } from '../support/people.js'
import { buildApplication } from './application.js'

t.test('an application serves the routes of Latchkey beside its own', async t => {
  const { app } = await buildApplication(t)
  const ada = await signUp(app)
  t.equal((await get(app, '/auth/sessions', ada.accessToken)).json().length, 1)
  t.equal((await refresh(app, ada.refreshToken)).statusCode, 200)
  t.match((await app.inject('/.well-known/jwks.json')).json(), { keys: [{ kty: 'EC' }] })
  t.equal((await app.inject('/readyz')).statusCode, 200)
  t.equal((await app.inject('/docs/')).statusCode, 200)
  t.equal((await get(app, '/auth/verify/anything?at=all', ada.accessToken)).statusCode, 200, 'for gateways')
  t.equal((await get(app, '/auth/verify-role/editor/anything', ada.accessToken)).statusCode, 403)
})

t.test('a guarded route sees the principal, and refuses with the codes of Latchkey', async t => {
  const { app } = await buildApplication(t)
  const ada = await signUp(app)
  const answer = await get(app, '/private', ada.accessToken)
  t.equal(answer.statusCode, 200)
  t.match(answer.json(), { userId: ada.userId, sessionId: ada.sessionId, roles: [] })
  t.equal((await get(app, '/private', ada.accessToken)).statusCode, 200, 'also a token in the cache')

  const without = await app.inject('/private')
  t.equal(without.statusCode, 401)
  t.equal(without.headers['www-authenticate'], 'Bearer')
  t.match(without.json(), { statusCode: 401, code: 'authentication_required', error: 'Unauthorized' })
  const invalid = await get(app, '/private', 'not a token')
  t.match(invalid.json(), { statusCode: 401, code: 'token_invalid' })
  t.equal(invalid.headers['www-authenticate'], 'Bearer error="invalid_token"')
  t.equal(invalid.headers['cache-control'], 'no-store')

  await post(app, '/auth/logout', { refresh_token: ada.refreshToken })
  t.match((await get(app, '/private', ada.accessToken)).json(), { statusCode: 401, code: 'token_revoked' })
})

t.test('requireRole admits users with one of the roles, and a change of roles takes effect at once', async t => {
  const { app, latchkey, database } = await buildApplication(t)
  const ada = await signUp(app)
  const refused = await get(app, '/editors', ada.accessToken)
  t.equal(refused.statusCode, 403)
  t.equal(refused.json().code, 'insufficient_role')
  t.equal((await app.inject('/editors')).statusCode, 401)

  await database.admin`update users set roles = '{editor}' where id = ${ada.userId}`
  const editor = await signIn(app, ada.email)
  t.strictSame((await get(app, '/editors', editor.accessToken)).json(), ['editor'])
  t.equal((await get(app, '/editors', editor.accessToken)).statusCode, 200, 'also a token in the cache')
  await latchkey.signOutUser(ada.userId)
  t.equal((await get(app, '/editors', editor.accessToken)).statusCode, 401)
})

t.test('hooks, error handlers and parsers of Latchkey do not reach the routes of the application', async t => {
  const { app } = await buildApplication(t, {
    before(app) {
      app.setErrorHandler((error: Error & { code?: string }, _request, reply) =>
        reply.code(418).send({ mine: error.code ?? error.message }),
      )
      app.setNotFoundHandler((_request, reply) => reply.code(404).send('my own page'))
      app.post('/echo', request => request.body)
      app.get('/boom', () => {
        throw new Error('a mistake of the application')
      })
    },
  })
  const echoed = await app.inject({
    method: 'POST',
    url: '/echo',
    payload: 'some text',
    headers: { 'content-type': 'text/plain' },
  })
  t.equal(echoed.body, 'some text')
  t.equal(echoed.headers['content-security-policy'], undefined)
  t.strictSame((await app.inject('/boom')).json(), { mine: 'a mistake of the application' })
  t.strictSame((await app.inject('/private')).json(), { mine: 'authentication_required' })
  t.equal((await app.inject('/nowhere')).body, 'my own page')
  t.equal((await app.inject('/auth/nowhere')).body, 'my own page')
  const large = { email: 'a@example.com', password: 'x'.repeat(10_000) }
  t.equal((await post(app, '/auth/login', large)).json().code, 'body_too_large', 'errors of Latchkey are its own')
})

t.test('hooks, parsers and options of the application do not change the answers of Latchkey', async t => {
  const { app } = await buildApplication(t, {
    fastify: {
      bodyLimit: 10,
      ajv: { customOptions: { coerceTypes: true, removeAdditional: 'all' } },
      routerOptions: { ignoreTrailingSlash: false, caseSensitive: false },
    },
    before(app) {
      app.addHook('preValidation', async () => {
        throw new Error('a hook of the application')
      })
      app.addHook('onSend', async () => 'changed by the application')
      app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, _body, done) => done(null, {}))
    },
  })
  const ada = await signUp(app)
  t.ok(ada.accessToken)
  const unknown = await post(app, '/auth/login', { email: ada.email, password: PASSWORD, admin: true })
  t.match(unknown.json(), { code: 'invalid_request', errors: [{ field: 'admin' }] })
  t.equal((await post(app, '/auth/login', { email: 1, password: PASSWORD })).statusCode, 400)
  t.equal(
    (
      await app.inject({
        method: 'POST',
        url: '/auth/login',
        payload: '{"__proto__":{}}',
        headers: { 'content-type': 'application/json' },
      })
    ).statusCode,
    400,
  )
  t.equal((await app.inject({ method: 'PUT', url: '/auth/login' })).statusCode, 405)
  t.equal(
    (
      await app.inject({ method: 'POST', url: '/auth/login', payload: 'a=b', headers: { 'content-type': 'nonsense' } })
    ).json().code,
    'unsupported_media_type',
  )
})

t.test('onRequest hooks of the application run before Latchkey, and can refuse', async t => {
  const { app } = await buildApplication(t, {
    before(app) {
      app.addHook('onRequest', async (request, reply) => {
        if (request.headers['x-blocked'] === 'yes') return reply.code(451).send('blocked')
        return undefined
      })
    },
  })
  t.equal((await post(app, '/auth/register', {}, { 'x-blocked': 'yes' })).statusCode, 451)
  t.equal((await post(app, '/auth/register', {})).statusCode, 400)
})

t.test('the application decides who the client is, and the id of the request', async t => {
  const settings = { RATE_LIMIT: 'on' }
  const ids = { genReqId: () => 'id-of-the-application' }
  const headers = { 'x-forwarded-for': '203.0.113.9', 'x-request-id': 'of-the-client' }
  for (const [trustProxy, address] of [
    [false, '127.0.0.1'],
    [true, '203.0.113.9'],
  ] as const) {
    const { app, lines } = await buildApplication(t, { settings, fastify: { trustProxy, ...ids } })
    await post(app, '/auth/register', { email: `${trustProxy}@example.com`, password: PASSWORD }, headers)
    await until(() => lines.some(({ event }) => event === 'registered'))
    t.match(
      lines.find(({ event }) => event === 'registered'),
      { ip: address, reqId: 'id-of-the-application', module: 'latchkey' },
    )
  }
})

t.test('the log of the application has one line for a request to Latchkey, without secrets', async t => {
  const { app, lines } = await buildApplication(t)
  await post(app, '/auth/login?token=canary-77ab', { email: 'ada@example.com', password: 'canary-77ab' })
  await until(() => lines.some(({ msg }) => msg === 'request completed'))
  const requests = lines.filter(line => 'req' in line)
  t.equal(requests.length, 1)
  t.match(requests, [{ module: 'latchkey', req: { method: 'POST', url: '/auth/login' }, res: { statusCode: 401 } }])
  t.notMatch(JSON.stringify(lines), 'canary-77ab')
})

t.test('an access cookie is accepted from the own site, and from another site only to read', async t => {
  const { app } = await buildApplication(t, { settings: { ACCESS_COOKIE: 'on' } })
  const { email } = await signUp(app)
  const answer = await post(app, '/auth/login', { email, password: PASSWORD })
  const cookie = answer.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  const send = (method: 'GET' | 'POST', site: string) =>
    app.inject({ method, url: '/private', headers: { cookie, 'sec-fetch-site': site } })
  t.equal((await send('GET', 'same-origin')).statusCode, 200)
  t.equal((await send('GET', 'cross-site')).statusCode, 200)
  t.equal((await send('POST', 'same-origin')).statusCode, 200)
  t.equal((await send('POST', 'cross-site')).json().code, 'cross_site_request')
  t.equal((await send('POST', 'same-site')).statusCode, 403)
  const other = await buildApplication(t)
  t.equal((await other.app.inject({ url: '/private', headers: { cookie } })).json().code, 'authentication_required')
})

t.test('a page of another site cannot open a WebSocket with the access cookie', async t => {
  const { app } = await buildApplication(t, {
    settings: { ACCESS_COOKIE: 'on', PUBLIC_ORIGIN: 'http://localhost:3000' },
  })
  const { email } = await signUp(app)
  const answer = await post(app, '/auth/login', { email, password: PASSWORD })
  const cookie = answer.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  const open = (origin: string) =>
    app.inject({ url: '/private', headers: { cookie, origin, connection: 'upgrade', upgrade: 'websocket' } })
  t.equal((await open('http://localhost:3000')).statusCode, 200)
  t.equal((await open('https://evil.example')).json().code, 'cross_site_request')
})

t.test('the functions verify tokens, list sessions and revoke them', async t => {
  const { app, latchkey } = await buildApplication(t)
  const ada = await signUp(app)
  const phone = await signIn(app, ada.email, 'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0')
  t.match(await latchkey.verify(ada.accessToken), { userId: ada.userId, sessionId: ada.sessionId })
  await t.rejects(latchkey.verify('not a token'), { name: 'LatchkeyError', code: 'token_invalid', status: 401 })

  const sessions = await latchkey.listSessions(ada.userId)
  t.match(sessions, [{ id: phone.sessionId, device: { browser: 'Firefox' }, createdAt: Date }, { id: ada.sessionId }])
  await latchkey.revokeSession(ada.userId, phone.sessionId)
  await t.rejects(latchkey.verify(phone.accessToken), { code: 'token_revoked' })
  t.ok(await latchkey.verify(ada.accessToken))
  await latchkey.signOutUser(ada.userId, 'the support desk')
  t.strictSame(await latchkey.waitForVerifiers(1), { status: 'complete', total: 0, verifiers: [] })
  for (const wrong of [-1, 601, Number.NaN, '1', undefined] as never[])
    await t.rejects(latchkey.waitForVerifiers(wrong), /^seconds must be a number from 0 to 600/)
  await t.rejects(latchkey.verify(ada.accessToken), { code: 'token_revoked' })

  const nobody = '0193d1a0-0000-7000-8000-000000000001'
  for (const id of [nobody, 'not a uuid', '']) {
    await t.rejects(latchkey.listSessions(id), { code: 'user_not_found' })
    await t.rejects(latchkey.signOutUser(id), { code: 'user_not_found' })
    await t.rejects(latchkey.revokeSession(ada.userId, id), { code: 'session_not_found' })
  }
})

t.test('arguments of another type are refused like unknown tokens, users and sessions', async t => {
  const { app, latchkey, database } = await buildApplication(t)
  const ada = await signUp(app)
  for (const wrong of [undefined, null, 42, '', {}, [ada.accessToken]] as never[])
    await t.rejects(latchkey.verify(wrong), { name: 'LatchkeyError', code: 'token_invalid', statusCode: 401 })
  for (const wrong of [undefined, null, 42, '', {}, [ada.userId]] as never[]) {
    await t.rejects(latchkey.listSessions(wrong), { code: 'user_not_found', statusCode: 404 })
    await t.rejects(latchkey.signOutUser(wrong), { code: 'user_not_found' })
    await t.rejects(latchkey.revokeSession(wrong, ada.sessionId), { code: 'user_not_found' })
    await t.rejects(latchkey.revokeSession(ada.userId, wrong), { code: 'session_not_found' })
  }
  await latchkey.signOutUser(ada.userId, null as never)
  t.match(await database.admin`select actor from security_events where type = 'sessions_revoked'`, [
    { actor: 'application' },
  ])
  for (const actor of ['a\0b', 'a'.repeat(201), 42 as never])
    await t.rejects(latchkey.signOutUser(ada.userId, actor), /^actor must be a text/)
  t.throws(() => latchkey.on('no-such-type' as never, () => {}), /^There is no event "no-such-type"/)
  t.throws(() => latchkey.on('*', 'not a function' as never), TypeError)
})

t.test('the level of the log of the application holds for every route of Latchkey', async t => {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const app = Fastify({ logger: { level: 'error', stream } })
  const { app: containing } = await buildApplication(t, { latchkey: { log: app.log } })
  for (const path of ['/.well-known/jwks.json', '/.well-known/oauth-authorization-server', '/auth/profile', '/livez'])
    await containing.inject(path)
  t.strictSame(lines, [])
})

t.test('a log that throws after the commit of a revocation does not delay it', async t => {
  const mixin = ({ event }: { event?: string }) => {
    if (event === 'signed_out') throw new Error('a mistake of the application')
    return {}
  }
  const output = new PassThrough()
  let logged = ''
  output.on('data', chunk => {
    logged += chunk
  })
  const { app } = await buildApplication(t, { latchkey: { log: pino({ mixin }, output) } })
  const ada = await signUp(app)
  t.equal((await post(app, '/auth/logout', { refresh_token: ada.refreshToken })).statusCode, 204)
  t.equal((await get(app, '/private', ada.accessToken)).json().code, 'token_revoked')
  await until(() => logged.includes('a mistake of the application'))
})

t.test('listeners receive the events of their type, and onEvent receives all', async t => {
  const all: string[] = []
  const { app, latchkey } = await buildApplication(t, {
    latchkey: { onEvent: ({ type, actor }) => all.push(`${type} ${actor}`) },
  })
  const revoked: string[] = []
  latchkey.on('sessions_revoked', event => {
    const type: 'sessions_revoked' = event.type
    revoked.push(`${type} ${event.userId}`)
  })
  const stop = latchkey.on('registered', ({ ip }) => revoked.push(`registered ${ip}`))
  const ada = await signUp(app)
  await until(() => all.length === 1)
  stop()
  await signUp(app)
  await latchkey.signOutUser(ada.userId)
  await until(() => all.length === 3)
  t.strictSame(all, ['registered user', 'registered user', 'sessions_revoked application'])
  t.strictSame(revoked, ['registered 127.0.0.1', `sessions_revoked ${ada.userId}`])
})

t.test('a route that the application has already is not replaced, and this is logged', async t => {
  const { app, lines } = await buildApplication(t, { before: app => void app.get('/readyz', () => 'mine') })
  t.equal((await app.inject('/readyz')).body, 'mine')
  t.equal((await app.inject('/livez')).statusCode, 200)
  const warnings = lines.filter(({ level }) => level === 40).map(({ msg }) => String(msg))
  t.match(warnings, [/^The application has its own routes GET \/readyz, HEAD \/readyz, so/])
})

t.test('closing the application closes Latchkey, which first answers that it is not ready', async t => {
  const { app, latchkey } = await buildApplication(t, { fastify: { return503OnClosing: false } })
  const events: string[] = []
  latchkey.on('*', async ({ type }) => {
    await new Promise(resolve => setTimeout(resolve, 20))
    events.push(type)
  })
  let answer: Response | undefined
  app.addHook('preClose', async () => {
    answer = await fetch(`${app.listeningOrigin}/readyz`)
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  await signUp(app)
  await app.close()
  t.match(await answer!.json(), { reason: 'draining' })
  t.strictSame(events, ['registered'], 'the last events are delivered')
  await t.rejects(latchkey.listSessions('0193d1a0-0000-7000-8000-000000000001'), /^Latchkey is closed/)
  await latchkey.close()
})

t.test('all errors of the settings are thrown together, and no other variable is read', async t => {
  process.env.JWT_SECRET = 'a secret of the environment that is long enough'
  t.teardown(() => delete process.env.JWT_SECRET)
  const created = createLatchkey({ settings: { DATABASE_URL: 'mysql://x', REDIS_URL: 'redis://localhost' } })
  const error = await created.then(
    () => undefined,
    thrown => thrown,
  )
  t.type(error, ConfigError)
  t.match(error.problems, [/^DATABASE_URL/, /^JWT_SECRET is not set/, /^JWT_REFRESH_SECRET is not set/])
  t.notOk(error instanceof LatchkeyError)
})

t.test(
  'settings can be numbers and booleans, and a value of another type is an error that names the setting',
  async t => {
    const { app } = await buildApplication(t, {
      settings: { PORT: 4600, ACCESS_COOKIE: true, LOCATION_DATABASE: null } as never,
    })
    t.match((await app.inject('/.well-known/oauth-authorization-server')).json(), { issuer: 'http://localhost:4600' })
    const cookies = (await post(app, '/auth/register', { email: 'ada@example.com', password: PASSWORD })).cookies
    t.ok(cookies.length > 1, 'the access cookie is set too')
    const error = await createLatchkey({ settings: { CORS_ORIGINS: ['https://a.example'], PORT: {} } as never }).then(
      () => undefined,
      thrown => thrown,
    )
    t.type(error, ConfigError)
    t.match(error.problems, [/^CORS_ORIGINS is an array: write a list as one text/, /^PORT is of the type object/])
  },
)

t.test('NODE_ENV is read from the environment, so production is never forgotten', async t => {
  const before = process.env.NODE_ENV
  process.env.NODE_ENV = 'production'
  t.teardown(() => {
    if (before === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = before
  })
  await t.rejects(createLatchkey({ settings: {} }), /in production, Latchkey starts embedded stores only/)
})

t.test('a prefix that is not the end of PUBLIC_PATH is refused', async t => {
  await t.rejects(buildApplication(t, { prefix: '/identity' }), /prefix \/identity, but PUBLIC_PATH is not set/)
})

t.test('an application with HTTP/2 is refused', async t => {
  const { settings } = await buildApplication(t)
  const latchkey = await createLatchkey({ settings: { ...settings, LOG_LEVEL: 'silent' } })
  t.teardown(() => latchkey.close())
  await t.rejects(async () => Fastify({ http2: true }).register(latchkey.plugin), /Latchkey speaks HTTP\/1.1/)
})

t.test(
  'below PUBLIC_PATH every address of Latchkey begins with it, and the rest belongs to the application',
  async t => {
    const settings = { PUBLIC_PATH: '/identity', PUBLIC_ORIGIN: 'https://example.com' }
    const { app } = await buildApplication(t, { settings })
    const password = { email: 'ada@example.com', password: PASSWORD, transport: 'body' }
    const { access_token: token } = (await post(app, '/identity/auth/register', password)).json()
    t.equal((await get(app, '/private', token)).statusCode, 200)
    t.equal((await get(app, '/identity/auth/verify/x', token)).statusCode, 200)
    t.equal((await post(app, '/auth/login', password)).statusCode, 404)
    t.match((await app.inject('/identity/.well-known/oauth-authorization-server')).json(), {
      issuer: 'https://example.com/identity',
      jwks_uri: 'https://example.com/identity/.well-known/jwks.json',
    })
    t.equal((await app.inject('/identity/nowhere')).json().code, 'not_found')
    t.equal((await app.inject({ method: 'PUT', url: '/identity/auth/login' })).statusCode, 405)
    t.equal((await app.inject('/identity/docs/')).statusCode, 200)
  },
)

t.test('a prefix of register and of its parents works too', async t => {
  const { app } = await buildApplication(t, { settings: { PUBLIC_PATH: '/v1/identity' }, prefix: '/v1/identity' })
  t.equal((await app.inject('/v1/identity/livez')).statusCode, 200)
})
