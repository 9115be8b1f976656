import type { InjectOptions } from 'fastify'
import t from 'tap'
import { everyAddress } from '../attacks/every-route.js'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient } from '../support/clients.js'
import { get, signUp } from '../support/people.js'
import { listen, rawRequest } from '../support/raw-request.js'
import { buildToyApp } from '../support/toy-app.js'

const OWN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const PAGE = 'https://app.example.com'

t.test('every answer has a request id of its own, and every problem has the same one', async t => {
  const { app } = await buildTestApp(t, { CORS_ORIGINS: PAGE })
  const ids = new Set<unknown>()
  let count = 0
  const ask = async (options: InjectOptions) => {
    const { statusCode, headers, body } = await app.inject(options)
    const id = headers['x-request-id']
    ids.add(id)
    count++
    const isProblem = /problem/.test(String(headers['content-type'])) && options.method !== 'HEAD'
    const isRight = OWN_ID.test(String(id)) && (!isProblem || JSON.parse(body).request_id === id)
    if (!isRight) t.fail(`${options.method} ${String(options.url)}: ${statusCode}`, { id, body })
  }
  const preflight = { origin: PAGE, 'access-control-request-method': 'POST' }
  const json = { 'content-type': 'application/json' }
  for (const { url } of [...everyAddress(app), { url: '/docs/static/swagger-ui.css' }]) {
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'] as const) await ask({ method, url })
    await ask({ method: 'GET', url: `${url}/nowhere` })
    await ask({ method: 'OPTIONS', url, headers: preflight })
    await ask({ method: 'POST', url, headers: json, payload: '{' })
    await ask({ method: 'POST', url, headers: { ...json, 'content-length': '1000000' }, payload: '{' })
    await ask({ method: 'POST', url, headers: { 'content-type': 'text/plain' }, payload: 'a' })
    await ask({ method: 'GET', url: `${url}%zz` })
  }
  app.drain(0)
  await ask({ method: 'GET', url: '/readyz' })
  t.ok(count > 100)
  t.equal(ids.size, count, 'no two requests have the same id')
})

t.test("a gateway's 200, and the errors in the formats of other systems, have the header", async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const client = await makeClient(app, 'introspect')
  await clientToken(app, client)
  for (const answer of [
    await get(app, '/auth/verify', ada.accessToken),
    await get(app, '/auth/verify/api/orders', ada.accessToken),
    await app.inject({ method: 'POST', url: '/api/token/', payload: {} }),
    await app.inject({ method: 'POST', url: '/oauth/token', payload: {} }),
    await get(app, '/api/users/me/sessions', 'nonsense'),
  ])
    t.match(answer.headers['x-request-id'], OWN_ID)
})

t.test('an answer to bytes that are not a request has an id, which the log has too', async t => {
  const { app, lines } = await buildToyApp(t)
  const port = await listen(app as never)
  for (const [request, status, code] of [
    ['hello\r\n\r\n', 400, 'invalid_request'],
    [`GET / HTTP/1.1\r\nHost: a\r\nb: ${'c'.repeat(40_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['GET /%zz?secret=canary HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 400, 'invalid_request'],
  ] as const) {
    lines.length = 0
    const [head = '', body = ''] = (await rawRequest(port, request)).split('\r\n\r\n')
    const id = /^x-request-id: (.+)$/im.exec(head)?.[1]
    t.match(id, OWN_ID)
    t.match(JSON.parse(body), { status, code, request_id: id })
    t.match(JSON.parse(lines[0]!), { level: 30, reqId: id, code, res: { statusCode: status } })
    t.notMatch(lines.join(), 'canary')
  }
})

t.test('the valid id of a proxy in TRUST_PROXY is kept', async t => {
  const { app, lines } = await buildToyApp(t, { trustProxy: ['127.0.0.0/8'] })
  for (const id of [
    '0198c1f2-7a6e-7c1d-9c7e-0a1b2c3d4e5f',
    'req_7',
    'Root=1-67891233-abcdef',
    'a/b+c=',
    'x'.repeat(128),
  ]) {
    lines.length = 0
    const answer = await app.inject({ url: '/nowhere', headers: { 'x-request-id': id } })
    t.equal(answer.headers['x-request-id'], id)
    t.equal(answer.json().request_id, id)
    t.equal(JSON.parse(lines.at(-1)!).reqId, id)
  }
})

t.test('an invalid, repeated or too long id is replaced, and so is every id from anyone else', async t => {
  const { app } = await buildToyApp(t, { trustProxy: ['127.0.0.0/8'] })
  for (const id of ['', ' ', 'a b', 'a,b', 'a"b', '<b>', 'é', 'a\tb', 'x'.repeat(129), ['one', 'two']]) {
    const answer = await app.inject({ url: '/thing/7', headers: { 'x-request-id': id } as never })
    t.match(answer.headers['x-request-id'], OWN_ID, JSON.stringify(id))
  }
  const withoutProxy = await buildToyApp(t)
  const withAnother = await buildToyApp(t, { trustProxy: ['10.0.0.0/8'] })
  for (const { app } of [withoutProxy, withAnother]) {
    const answer = await app.inject({
      url: '/thing/7',
      headers: { 'x-request-id': 'mine', 'x-forwarded-for': '10.0.0.1' },
    })
    t.match(answer.headers['x-request-id'], OWN_ID)
  }
})
