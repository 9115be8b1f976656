import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { buildToyApp } from '../support/toy-app.js'

const ORIGIN = 'https://app.example.com'

const corsHeaders = (answer: { headers: object }) =>
  Object.keys(answer.headers).filter(name => name.startsWith('access-control-'))

t.test('a listed origin can read responses, including errors', async t => {
  const { app } = await buildToyApp(t, { corsOrigins: ['https://other.example', ORIGIN] })
  for (const url of ['/thing/7', '/nowhere']) {
    const answer = await app.inject({ url, headers: { origin: ORIGIN } })
    t.match(answer.headers, {
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'X-Request-Id, X-Token-Refresh-Required, Retry-After, WWW-Authenticate',
      vary: /Origin/,
    })
  }
})

t.test('a preflight from a listed origin is answered with the allowed methods and headers', async t => {
  const { app } = await buildToyApp(t, { corsOrigins: [ORIGIN] })
  const answer = await app.inject({
    method: 'OPTIONS',
    url: '/echo',
    headers: { origin: ORIGIN, 'access-control-request-method': 'POST' },
  })
  t.equal(answer.statusCode, 204)
  t.match(answer.headers, {
    'access-control-allow-origin': ORIGIN,
    'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
    'access-control-allow-headers':
      'Authorization, Content-Type, Prefer, X-Requested-With, traceparent, tracestate, baggage, sentry-trace',
    'access-control-max-age': '600',
  })
})

t.test('a missing origin, null, or another suffix, port, scheme or case gets no CORS header', async t => {
  const { app } = await buildToyApp(t, { corsOrigins: [ORIGIN] })
  for (const origin of [
    'null',
    'https://evilapp.example.com',
    'https://app.example.com.evil.example',
    'https://app.example.com:444',
    'http://app.example.com',
    'https://APP.example.com',
    '',
    undefined,
  ]) {
    const headers = { ...(origin !== undefined && { origin }), 'access-control-request-method': 'POST' }
    const answer = await app.inject({ url: '/thing/7', headers })
    t.same(corsHeaders(answer), [], String(origin))
    t.match(answer.headers.vary, 'Origin', 'caches separate responses by origin')
    const preflight = await app.inject({ method: 'OPTIONS', url: '/echo', headers })
    t.same(corsHeaders(preflight), [])
    t.equal(preflight.statusCode, origin === undefined ? 204 : 403, 'without an origin it is no preflight')
  }
})

t.test('without CORS_ORIGINS no origin gets a CORS header', async t => {
  const { app } = await buildToyApp(t)
  const answer = await app.inject({ url: '/thing/7', headers: { origin: ORIGIN } })
  t.same(corsHeaders(answer), [])
  t.equal(answer.headers.vary, undefined)
})

t.test('a listed origin can read the refusals of the request guard', async t => {
  const { app } = await buildTestApp(t, { CORS_ORIGINS: ORIGIN })
  const answers = [
    await app.inject({ url: '/auth/profile', headers: { origin: ORIGIN, authorization: ['a', 'b'] } as never }),
    await app.inject({ method: 'POST', url: '/auth/login', headers: { origin: ORIGIN, 'content-length': '9999' } }),
    await app.inject({ url: '/auth/verify', headers: { origin: ORIGIN, authorization: ['a', 'b'] } as never }),
  ]
  t.same(
    answers.map(answer => answer.statusCode),
    [400, 413, 401],
  )
  for (const { headers } of answers) t.equal(headers['access-control-allow-origin'], ORIGIN)
})

t.test('CORS_HEADERS adds to the allowed request headers', async t => {
  const { app } = await buildTestApp(t, { CORS_ORIGINS: ORIGIN, CORS_HEADERS: 'X-Client-Version, x-b3-traceid' })
  const headers = { origin: ORIGIN, 'access-control-request-method': 'POST' }
  const answer = await app.inject({ method: 'OPTIONS', url: '/auth/login', headers })
  t.match(answer.headers['access-control-allow-headers'], /sentry-trace, X-Client-Version, x-b3-traceid$/)
})
