import type { InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { get, signUp } from '../support/people.js'
import { listen, rawRequest } from '../support/raw-request.js'
import { everyAddress } from './every-route.js'

const PAGE = 'https://app.example.com'
const env = { PUBLIC_ORIGIN: 'https://auth.example.com', CORS_ORIGINS: PAGE }
const EXPECTED: Record<string, RegExp> = {
  'content-security-policy': /^default-src 'none'; .*frame-ancestors 'none'/,
  'cross-origin-resource-policy': /^same-origin$/,
  'referrer-policy': /^no-referrer$/,
  'strict-transport-security': /^max-age=31536000; includeSubDomains$/,
  'x-content-type-options': /^nosniff$/,
}

function isGuarded(t: Test, headers: Record<string, unknown>, message: string): void {
  const missing = Object.entries(EXPECTED).filter(([name, form]) => !form.test(String(headers[name])))
  t.same(
    missing.map(([name]) => name),
    [],
    message,
  )
}

t.test('every response to a well-formed request line has the security headers', async t => {
  const { app } = await buildTestApp(t, env)
  const addresses = everyAddress(app)
  for (const url of [
    '/docs',
    '/docs/',
    '/docs/json',
    '/docs/yaml',
    '/openapi.json',
    '/auth/verify',
    '/api/token/',
    '/livez',
  ])
    t.ok(
      addresses.some(address => address.url === url),
      `${url} is among the tested URLs`,
    )
  const statuses = new Set<number>()
  const ask = async (options: InjectOptions) => {
    const { statusCode, headers } = await app.inject(options)
    statuses.add(statusCode)
    isGuarded(t, headers, `${options.method} ${String(options.url)}: ${statusCode}`)
  }
  const preflight = { origin: PAGE, 'access-control-request-method': 'POST' }
  const json = { 'content-type': 'application/json' }
  for (const { url } of [...addresses, { url: '/docs/static/swagger-ui.css' }, { url: '/docs/static/logo.svg' }]) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const)
      await ask({ method, url })
    await ask({ method: 'GET', url: `${url}/nowhere` })
    await ask({ method: 'OPTIONS', url, headers: preflight })
    await ask({ method: 'OPTIONS', url, headers: { origin: PAGE } })
    await ask({ method: 'POST', url, headers: json, payload: '{' })
    await ask({ method: 'POST', url, headers: { ...json, 'content-length': '1000000' }, payload: '{' })
    await ask({ method: 'POST', url, headers: json, payload: JSON.stringify('x'.repeat(100_000)) })
    await ask({ method: 'GET', url, headers: { cookie: 'a'.repeat(5000), 'if-none-match': '*' } })
    await ask({ method: 'GET', url: `${url}%zz` })
    await ask({ method: 'GET', url: `${url}?%zz&a[]=%` })
  }
  for (const status of [200, 204, 400, 401, 404, 405, 413]) t.ok(statuses.has(status), `one response was ${status}`)
})

t.test('responses that Node makes without Fastify have the security headers', async t => {
  const { app } = await buildTestApp(t, env)
  const port = await listen(app)
  const end = 'Connection: close\r\n\r\n'
  const host = `Host: localhost\r\n`
  for (const [what, request, status] of [
    ['not HTTP', 'hello\r\n\r\n', 400],
    ['a folded header', `GET / HTTP/1.1\r\n${host}a: b\r\n c\r\n${end}`, 400],
    ['headers over the limit', `GET / HTTP/1.1\r\n${host}a: ${'b'.repeat(40_000)}\r\n${end}`, 431],
    ['no host', `GET /livez HTTP/1.1\r\n${end}`, 400],
    ['no host on the gateway route', `GET /auth/verify HTTP/1.1\r\n${end}`, 401],
    ['two hosts', `GET /livez HTTP/1.1\r\n${host}${host}${end}`, 400],
    ['an expectation', `GET /livez HTTP/1.1\r\n${host}Expect: a-miracle\r\n${end}`, 200],
    ['no path', `OPTIONS * HTTP/1.1\r\n${host}${end}`, 204],
    ['an upgrade', `GET /livez HTTP/1.1\r\n${host}Upgrade: websocket\r\nConnection: upgrade, close\r\n\r\n`, 200],
    ['HTTP/1.0', 'GET /livez HTTP/1.0\r\n\r\n', 200],
    ['an invalid path', `GET /%zz HTTP/1.1\r\n${host}${end}`, 400],
    [
      'an unmodified static file',
      `GET /docs/static/index.css HTTP/1.1\r\n${host}If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n${end}`,
      304,
    ],
  ] as const) {
    const [head = ''] = (await rawRequest(port, request)).split('\r\n\r\n')
    const lines = head.split('\r\n').map(line => /^([^:]+): ?(.*)$/.exec(line) ?? [])
    isGuarded(t, Object.fromEntries(lines.map(([, name = '', value]) => [name.toLowerCase(), value])), what)
    t.match(head, new RegExp(`^HTTP/1\\.1 ${status} `), what)
  }
})

t.test('only the empty 200 of GET /auth/verify omits the security headers', async t => {
  const { app } = await buildTestApp(t, env)
  const ada = await signUp(app)
  for (const url of ['/auth/verify', '/auth/verify?role=a']) {
    const { statusCode, headers } = await get(app, url, ada.accessToken)
    if (statusCode === 200) for (const name of Object.keys(EXPECTED)) t.notOk(name in headers, name)
    else isGuarded(t, headers, url)
  }
  const authorization = `Bearer ${ada.accessToken}`
  const head = await app.inject({ method: 'HEAD', url: '/auth/verify', headers: { authorization } })
  t.equal(head.statusCode, 200)
  isGuarded(t, head.headers, 'gateways do not use HEAD')
})

t.test('the page at /docs keeps its own Content-Security-Policy', async t => {
  const { app } = await buildTestApp(t, env)
  t.match((await app.inject('/docs')).headers['content-security-policy'], "script-src 'self'")
  t.notMatch((await app.inject('/openapi.json')).headers['content-security-policy'], 'script-src')
})

t.test('a missing static file answers 404, not 405', async t => {
  const { app } = await buildTestApp(t)
  t.match((await app.inject('/docs/static/nothing.js')).json(), { status: 404, code: 'not_found' })
})
