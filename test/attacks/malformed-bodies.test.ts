import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { verify } from '../support/people.js'
import { changingRoutes, createsStream, goodBody, insider, isRefusal, requestTo } from './every-route.js'

const JSON_TYPE = { 'content-type': 'application/json' }

/** No route accepts any of these, whatever its fields are. */
const NO_BODIES: Record<string, string> = {
  empty: '',
  'white space': ' \n',
  'cut off': '{"email":"a@example.com"',
  'a second value': '{}{}',
  'a trailing comma': '{"email":"a",}',
  'single quotes': "{'email':'a'}",
  'a comment': '{}//',
  'a number': '1',
  'a number too large': '1e999',
  'a string': '"text"',
  true: 'true',
  'an array': '[]',
  'an array of objects': '[{}]',
  'nested arrays': '['.repeat(2000) + ']'.repeat(2000),
  'nested objects': `${'{"a":'.repeat(600)}1${'}'.repeat(600)}`,
  'unclosed brackets': '['.repeat(4000),
  'an unknown field': '{"admin":true}',
  'a known field in another case': '{"Email":"a@example.com"}',
  __proto__: '{"__proto__":{"email":"a@example.com"}}',
  'escaped __proto__': '{"\\u005f\\u005fproto__":{"admin":true}}',
  'constructor.prototype': '{"constructor":{"prototype":{"admin":true}}}',
  toString: '{"toString":1}',
  'an empty name': '{"":1}',
  'a NUL in a name': '{"email\\u0000":"a@example.com"}',
  'a byte order mark': '\ufeff{"admin":true}',
  'control characters': '{"email":"a\nb"}',
}

/** JSON values that no field accepts. */
const NO_VALUES = {
  'an array': '["a"]',
  'an object': '{"a":1}',
  'an operator': '{"$ne":null}',
  'a number': '1',
  'a huge number': '1e999',
  'a negative number': '-9007199254740993',
  true: 'true',
  'an empty string': '""',
  'a long string': JSON.stringify('a'.repeat(2500)),
  NUL: '"\\u0000"',
  'NUL inside': '"a\\u0000b"',
  'half a surrogate pair': '"\\ud800aaaaaaaa@example.com"',
  'the other half of a pair': '"aaaaaaaa\\udc00@example.com"',
  'halves in the wrong order': '"aaaaaaaa\\udc00\\ud800@example.com"',
  'the replacement character': '"aaaaaaaa\\ufffd@example.com"',
  'line separators': '"\\u0000\\u2028\\u2029"',
}

/** The fields that accept `true` all the same. */
const BOOLEANS = new Set(['remember', 'closing'])

t.test('every route refuses a body that is not an object of known fields', async t => {
  const { app } = await buildTestApp(t)
  const ada = await insider(app)
  const routes = changingRoutes(app)
  t.ok(routes.length >= 8, 'the OpenAPI description lists the routes')
  for (const route of routes) {
    for (const [name, payload] of Object.entries(NO_BODIES)) {
      const response = await app.inject(requestTo(route, ada, { headers: JSON_TYPE, payload }))
      // A route without a body ignores a well-formed one.
      if ((!route.fields && [202, 204].includes(response.statusCode)) || createsStream(route, response)) continue
      isRefusal(t, response, `${route.method} ${route.url}: ${name}`)
    }
  }
  t.notOk('admin' in {})
})

t.test('every route refuses a field of a wrong type or with an invalid text', async t => {
  const { app } = await buildTestApp(t)
  const ada = await insider(app)
  for (const route of changingRoutes(app, ada.sessionId)) {
    if (!route.fields) continue
    const extra = JSON.stringify({ ...goodBody(route.fields, ada), admin: true })
    const refused = await app.inject(requestTo(route, ada, { headers: JSON_TYPE, payload: extra }))
    if (!createsStream(route, refused) && !route.url.startsWith('/ssf/poll/')) {
      isRefusal(t, refused, `${route.method} ${route.url}: one field too many`)
      t.match(refused.json(), { code: 'invalid_request' })
    }

    for (const field of route.fields) {
      for (const [name, value] of Object.entries(NO_VALUES)) {
        if (BOOLEANS.has(field) && name === 'true') continue
        const good = JSON.stringify({ ...goodBody(route.fields, ada), [field]: 'REPLACED' })
        const payload = good.replace('"REPLACED"', value)
        const response = await app.inject(requestTo(route, ada, { headers: JSON_TYPE, payload }))
        if (createsStream(route, response)) continue
        isRefusal(t, response, `${route.method} ${route.url}: ${field} is ${name}`)
      }
      const doubled = JSON.stringify({ ...goodBody(route.fields, ada), last: 1 }).replace('"last":1', `"${field}":[1]`)
      const response = await app.inject(requestTo(route, ada, { headers: JSON_TYPE, payload: doubled }))
      if (createsStream(route, response)) continue
      isRefusal(t, response, `${route.method} ${route.url}: ${field} twice, the last of them invalid`)
    }
  }
  t.equal(await verify(app, ada.accessToken), 200, 'no request was accepted')
})

t.test('every route refuses a body of another content type or over the size limit', async t => {
  const { app } = await buildTestApp(t)
  const ada = await insider(app)
  const form = `email=${ada.email}&password=secret`
  const large = JSON.stringify({ email: 'a'.repeat(1_000_000) })
  for (const route of changingRoutes(app)) {
    for (const [type, payload] of [
      ['text/plain', '{}'],
      ['application/x-www-form-urlencoded', form],
      ['multipart/form-data; boundary=a', '--a\r\nContent-Disposition: form-data; name="email"\r\n\r\na\r\n--a--\r\n'],
      ['application/xml', '<a/>'],
      ['application/cbor', '\xa0'],
      ['application/json-patch+json', '[]'],
      ['a/b; charset=utf-8', '{}'],
    ] as const) {
      const response = await app.inject(requestTo(route, ada, { headers: { 'content-type': type }, payload }))
      isRefusal(t, response, `${route.method} ${route.url}: ${type}`)
      t.equal(response.json().code, 'unsupported_media_type')
    }
    const untyped = await app.inject(requestTo(route, ada, { payload: Buffer.from('{}') }))
    if (route.fields || untyped.statusCode >= 300) isRefusal(t, untyped, `${route.url}: no content type`)
    const tooLarge = await app.inject(requestTo(route, ada, { headers: JSON_TYPE, payload: large }))
    t.match(tooLarge.json(), { status: 413, code: 'body_too_large' }, `${route.url}: a megabyte`)
  }
})

t.test('a body that is not UTF-8 never becomes a name or a password', async t => {
  const { app } = await buildTestApp(t)
  // A decoder replaces each invalid byte by the same character: two passwords would become one.
  const bytes = (password: string) => Buffer.from(`{"email":"eve@example.com","password":"${password}"}`, 'latin1')
  for (const url of ['/auth/register', '/auth/login']) {
    for (const password of [
      'a passphrase \xff\xff',
      'a passphrase \xc0\xaf',
      '\xed\xa0\x80 a passphrase',
      'gr\xfc\xdfe, mother',
    ]) {
      const response = await app.inject({ method: 'POST', url, headers: JSON_TYPE, payload: bytes(password) })
      t.match(response.json(), { status: 400, code: 'invalid_request' }, `${url} ${password}`)
    }
  }
})
