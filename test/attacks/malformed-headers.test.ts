import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signUp } from '../support/people.js'
import { listen, parseAnswer, rawRequest } from '../support/raw-request.js'
import { changingRoutes } from './every-route.js'

t.test('every route refuses a duplicated header before it authenticates the request', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const routes = changingRoutes(app)
  const port = await listen(app)
  const doubled = [
    [`Authorization: Bearer ${ada.accessToken}`, 'authorization: Bearer other'],
    ['Content-Type: application/json', 'Content-Type: application/json'],
    ['Cookie: __Host-latchkey=a', 'cookie: __Host-latchkey=b'],
    ['Origin: http://localhost:3000', 'Origin: https://evil.example'],
    ['Host: evil.example'],
  ]
  for (const { method, url } of routes) {
    for (const lines of doubled) {
      const head = [`${method} ${url} HTTP/1.1`, 'Host: localhost', 'Content-Length: 2', 'Connection: close', ...lines]
      const { status, body } = parseAnswer(await rawRequest(port, `${head.join('\r\n')}\r\n\r\n{}`))
      t.match({ status, code: body.code }, { status: 400, code: 'ambiguous_request' }, `${method} ${url} ${lines}`)
    }
  }
  const verify = ['GET /auth/verify HTTP/1.1', 'Host: localhost', 'Connection: close', ...doubled[0]!]
  t.match(
    parseAnswer(await rawRequest(port, `${verify.join('\r\n')}\r\n\r\n`)),
    { status: 401 },
    'GET /auth/verify answers 401 instead',
  )
})

t.test('sign-in works with any X-Forwarded-For, and only a valid address is stored', async t => {
  const { app, database } = await buildTestApp(t, { TRUST_PROXY: '127.0.0.1' })
  const ada = await signUp(app)
  const signInFrom = async (options: { remoteAddress?: string; headers?: Record<string, string> }) => {
    const payload = { email: ada.email, password: PASSWORD, transport: 'body' }
    const response = await app.inject({ method: 'POST', url: '/auth/login', payload, ...options })
    if (response.statusCode !== 200) return response.statusCode
    const [row] = await database.admin`select host(ip) as ip from sessions where id = ${response.json().session_id}`
    return row!.ip
  }
  for (const [said, kept] of [
    ['203.0.113.9', '203.0.113.9'],
    ['203.0.113.9:5678', '203.0.113.9'],
    ['2001:db8::9', '2001:db8::9'],
    ['[2001:db8::9]:5678', '2001:db8::9'],
    ['fe80::9%eth0', 'fe80::9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['unknown', null],
    ['_hidden', null],
    ['999.1.1.1', null],
    ["'; drop table users; --", null],
    ['a'.repeat(5000), null],
  ] as const)
    t.equal(await signInFrom({ headers: { 'x-forwarded-for': said } }), kept, said.slice(0, 40))
  t.equal(await signInFrom({ remoteAddress: 'fe80::9%eth0' }), 'fe80::9', 'a link-local connection')
})

t.test('an event stores at most 512 characters of the User-Agent', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  const userAgent = 'x'.repeat(15_000)
  await post(app, '/auth/login', { email: ada.email, password: 'wrong wrong' }, { 'user-agent': userAgent })
  await post(app, '/auth/logout', { refresh_token: ada.refreshToken }, { 'user-agent': userAgent })
  await app.close()
  const [row] = await database.admin`
    select max(length(user_agent)) as longest, count(*)::int as events from security_events
    where user_id = ${ada.userId}`
  t.same(row, { longest: 512, events: 3 })
})
