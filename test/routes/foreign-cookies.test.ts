import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signIn, signUp, verify } from '../support/people.js'
import { listen, parseAnswer, rawRequest } from '../support/raw-request.js'

/** With these settings, browsers may still have a cookie of an older configuration: the same name, another domain or path. */
const shared = { PUBLIC_ORIGIN: 'https://auth.example.com', COOKIE_DOMAIN: 'example.com' }
const NAME = '__Secure-latchkey'

function send(app: FastifyInstance, url: string, cookies: string[], headers = {}, payload?: object) {
  const cookie = cookies.map(value => (value.includes('=') ? value : `${NAME}=${value}`)).join('; ')
  return app.inject({ method: 'POST', url, headers: { cookie, ...headers }, ...(payload && { payload }) })
}

const setCookies = (answer: LightMyRequestResponse) => [answer.headers['set-cookie'] ?? []].flat()
const refreshCookieOf = (answer: LightMyRequestResponse) =>
  answer.cookies.findLast(({ name, value }) => name === NAME && value !== '')!.value

t.test('requests with 30 KB of other cookies can verify, refresh, log in and log out', async t => {
  const { app } = await buildTestApp(t, shared)
  const ada = await signUp(app)
  const others = `theirs=${'a'.repeat(30_000)}`
  const headers = { authorization: `Bearer ${ada.accessToken}`, cookie: others }
  t.equal((await app.inject({ url: '/auth/verify', headers })).statusCode, 200)
  const refreshed = await send(app, '/auth/refresh', [others, ada.refreshToken])
  t.equal(refreshed.statusCode, 200)
  t.equal((await send(app, '/auth/logout', [others, refreshCookieOf(refreshed)])).statusCode, 204)
  const payload = { email: ada.email, password: PASSWORD }
  t.equal((await send(app, '/auth/login', [others], {}, payload)).statusCode, 200)
})

t.test('a request with 20 KB of cookies to /auth/verify is answered over a real connection', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const port = await listen(app)
  const head = ['GET /auth/verify HTTP/1.1', 'Host: localhost', 'Connection: close', `Cookie: a=${'x'.repeat(20_000)}`]
  const ask = (token: string) => rawRequest(port, [...head, `Authorization: Bearer ${token}`, '', ''].join('\r\n'))
  t.equal(parseAnswer(await ask(ada.accessToken)).status, 200)
})

t.test('an old refresh cookie beside the current one does not revoke the session and is cleared', async t => {
  const { app, clock } = await buildTestApp(t, shared)
  const ada = await signUp(app)
  let current = ada.refreshToken
  for (let times = 0; times < 3; times++) {
    await clock.advance(3600)
    // Browsers send the cookie with the longer path first, and of two with the same path the older one.
    const answer = await send(app, '/auth/refresh', [ada.refreshToken, current])
    t.equal(answer.statusCode, 200)
    current = refreshCookieOf(answer)
    if (times === 0) continue
    const cleared = setCookies(answer).filter(line => line.startsWith(`${NAME}=;`))
    t.ok(
      cleared.some(line => !/Domain=/.test(line) && /Path=\/;/.test(line)),
      'the host-only cookie',
    )
    t.ok(cleared.some(line => /Domain=auth\.example\.com;/.test(line)))
    t.ok(cleared.some(line => /Domain=example\.com; Path=\/auth;/.test(line)))
    t.notOk(
      cleared.some(line => /Domain=example\.com; Path=\/;/.test(line)),
      'not the cookie that was just set',
    )
  }
})

t.test('a forged or revoked refresh cookie beside a valid one is ignored, in either order', async t => {
  const { app } = await buildTestApp(t, shared)
  const ada = await signUp(app)
  const gone = await signIn(app, ada.email)
  await post(app, '/auth/logout', { refresh_token: gone.refreshToken })
  for (const bad of [gone.refreshToken, 'lk_rt_made-up', 'x'])
    for (const cookies of [
      [bad, ada.refreshToken],
      [ada.refreshToken, bad],
    ])
      t.equal((await send(app, '/auth/refresh', cookies)).statusCode, 200)
})

t.test('with the refresh cookies of two valid sessions, the later session is refreshed', async t => {
  const { app } = await buildTestApp(t, shared)
  const first = await signUp(app)
  const second = await signIn(app, first.email)
  const answer = await send(app, '/auth/refresh', [first.refreshToken, second.refreshToken])
  t.equal(answer.json().session_id, second.sessionId)
})

t.test('reuse of a refresh token is detected when none of the cookies is valid', async t => {
  const { app, clock } = await buildTestApp(t, shared)
  const ada = await signUp(app)
  await clock.advance(3600)
  const next = refreshCookieOf(await send(app, '/auth/refresh', [ada.refreshToken]))
  await clock.advance(3600)
  const third = refreshCookieOf(await send(app, '/auth/refresh', [next]))
  const superseded = await send(app, '/auth/refresh', ['lk_rt_made-up', ada.refreshToken])
  t.equal(superseded.json().code, 'refresh_token_superseded')
  const cookies = ['lk_rt_made-up', ada.refreshToken]
  const ticket = superseded.cookies.find(({ name }) => name.endsWith('-ticket'))!
  t.equal(
    (await send(app, '/auth/refresh', [...cookies, `${ticket.name}=${ticket.value}`])).json().code,
    'refresh_token_reused',
  )
  t.equal((await send(app, '/auth/refresh', [third])).json().code, 'session_revoked')
})

t.test('logging out revokes the sessions of all refresh cookies and clears them on every domain and path', async t => {
  const { app } = await buildTestApp(t, shared)
  const first = await signUp(app)
  const second = await signIn(app, first.email)
  const answer = await send(app, '/auth/logout', [first.refreshToken, second.refreshToken, 'made-up'])
  t.equal(answer.statusCode, 204)
  for (const person of [first, second]) t.equal(await verify(app, person.accessToken), 'token_revoked')
  t.match(setCookies(answer)[0], /^__Secure-latchkey=; .*Domain=example\.com; Path=\/;/)
  t.ok(setCookies(answer).some(line => !/Domain=/.test(line)))
})

t.test('logging out does not clear the cookie of another deployment on a parent domain', async t => {
  const { app } = await buildTestApp(t, {
    PUBLIC_ORIGIN: 'https://auth.staging.example.com',
    COOKIE_DOMAIN: 'staging.example.com',
  })
  const ada = await signUp(app)
  const answer = await send(app, '/auth/logout', ['lk_rt_of-production', ada.refreshToken])
  t.equal(answer.statusCode, 204)
  t.notOk(setCookies(answer).some(line => /Domain=example\.com/.test(line)))
})

t.test('signing in works with duplicate cookies, and the device cookie is still recognized', async t => {
  const { app, config } = await buildTestApp(t, { ...shared, LOCKOUT_FAILURES: '1', RATE_LIMIT: 'off' })
  const payload = { email: 'ada@example.com', password: PASSWORD }
  const registered = await post(app, '/auth/register', payload)
  const device = registered.cookies.find(({ name }) => name === config.cookie.deviceName)!.value
  t.equal((await post(app, '/auth/login', { ...payload, password: 'a wrong password' })).statusCode, 401)
  t.equal((await post(app, '/auth/login', payload)).statusCode, 401, 'the account is locked for unknown devices')
  const cookies = [`${config.cookie.deviceName}=a.b.c.d.e.f`, `${config.cookie.deviceName}=${device}`, 'a', 'b']
  t.equal((await send(app, '/auth/login', cookies, {}, payload)).statusCode, 200)
})

t.test('a valid access cookie among several is used', async t => {
  const { app, config } = await buildTestApp(t, { ...shared, ACCESS_COOKIE: 'on' })
  const ada = await signUp(app)
  const gone = await signIn(app, ada.email)
  await post(app, '/auth/logout', { refresh_token: gone.refreshToken })
  const cookie = (...tokens: string[]) => tokens.map(token => `${config.cookie.accessName}=${token}`).join('; ')
  const ask = (...tokens: string[]) => app.inject({ url: '/auth/verify', headers: { cookie: cookie(...tokens) } })
  for (const tokens of [
    ['made.up.token', ada.accessToken],
    [gone.accessToken, ada.accessToken],
    [ada.accessToken, gone.accessToken],
  ])
    t.equal((await ask(...tokens)).headers['x-auth-session'], ada.sessionId)
  t.equal((await ask('made.up.token', gone.accessToken)).statusCode, 401)
})
