import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { BOUNDARY, multipart, multipartType, part } from '../support/multipart.js'
import { PASSWORD, signUp, verify } from '../support/people.js'

const ADDRESSES = ['/api/token/', '/api/token/refresh/', '/api/token/verify/', '/api/token/blacklist/']

const JSON_BODIES = [
  '{"__proto__":{"username":"ada","password":"a","token":"a","refresh":"a"}}',
  '{"constructor":{"prototype":{"username":"a"}}}',
  '{"username":{"$ne":null},"password":{"$ne":null},"token":{"$ne":null},"refresh":{"$ne":null}}',
  '{"username":["a"],"password":["a"],"token":["a"],"refresh":["a"]}',
  '{"username":1e999,"password":1e999,"token":1e999,"refresh":1e999}',
  '{"username":1.5,"password":1.5,"token":1.5,"refresh":1.5}',
  '{"username":"\\udc00\\ud800","password":"a","token":"\\udc00","refresh":"\\udc00"}',
  '{"username":"\\ufffd","password":"\\ufffd","token":"\\ufffd","refresh":"\\ufffd"}',
  '{"toString":1}',
  `${'['.repeat(2000)}${']'.repeat(2000)}`,
  `${'{"a":'.repeat(600)}1${'}'.repeat(600)}`,
  '{"username":"a"',
  '{}{}',
  ' ',
  '1',
  'true',
]

const FORMS = [
  '__proto__=a&constructor=b',
  'username=%FF%FF&password=%C0%AF&token=%ED%A0%80&refresh=%FF',
  'username[]=a&password[x]=b',
  'username=a%00b&password=a&token=%00&refresh=%00',
  '&&&===%%%',
  'username',
]

const FIELD = 'Content-Disposition: form-data; name="username"'
const MULTIPARTS: (string | Buffer)[] = [
  '',
  'username=ada',
  `--${BOUNDARY}--`,
  `--${BOUNDARY}`,
  `--${BOUNDARY}\r\n`,
  `--${BOUNDARY}\r\n${FIELD}`,
  `--${BOUNDARY}\r\n${FIELD}\r\n\r\nada`,
  `--${BOUNDARY}\r\n${FIELD}\r\n\r\nada\r\n--${BOUNDARY}`,
  `--${BOUNDARY}\n${FIELD}\n\nada\n--${BOUNDARY}--\n`,
  `--${BOUNDARY}\r\n\r\nada\r\n--${BOUNDARY}--\r\n`,
  multipart({ username: '\xff', password: '\xff', token: '\xff', refresh: '\xff' }, 'latin1'),
  multipart({ username: 'a\0', password: 'a', token: '\0', refresh: '\0' }),
  multipart({ 'username[]': 'a', 'password[x]': 'b' }),
  multipart({ toString: 'a', constructor: 'b', hasOwnProperty: 'c' }),
  `${part('__proto__', 'a')}${part('constructor.prototype.username', 'a')}--${BOUNDARY}--\r\n`,
  // Another form in a field of the form, with its own boundary and with the outer one.
  multipart({ x: multipart({ username: 'a', password: 'a', token: 'a', refresh: 'a' }).replaceAll(BOUNDARY, 'inner') }),
  `${part('x', '', `Content-Type: multipart/mixed; boundary=${BOUNDARY}`)}${part('x', '')}--${BOUNDARY}--\r\n`,
  `${'preamble\r\n'.repeat(100)}${multipart({ x: 'y' })}`,
  `${multipart({ x: 'y' })}${part('username', 'a')}${part('password', 'a')}${part('token', 'a')}${part('refresh', 'a')}`,
  // Headers: too many, too long, folded, with special names or values.
  `${part('username', 'a', 'X-A: b\r\n'.repeat(200).trim())}--${BOUNDARY}--\r\n`,
  `--${BOUNDARY}\r\nX: ${'a'.repeat(3000)}\r\n${FIELD}\r\n\r\na\r\n--${BOUNDARY}--\r\n`,
  `--${BOUNDARY}\r\nContent-Disposition: form-data;\r\n name="username"\r\n\r\na\r\n--${BOUNDARY}--\r\n`,
  `--${BOUNDARY}\r\n__proto__: a\r\n${FIELD}\r\n\r\na\r\n--${BOUNDARY}--\r\n`,
  `${part('username', 'a', 'Content-Type: text/plain; charset=__proto__')}--${BOUNDARY}--\r\n`,
  `${part('username', 'a', 'Content-Transfer-Encoding: base64')}--${BOUNDARY}--\r\n`,
]

t.test('every Simple JWT route refuses a malformed body in that API’s error format, without any effect', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  for (const url of ADDRESSES) {
    for (const [type, payloads] of [
      ['application/json', JSON_BODIES],
      ['application/x-www-form-urlencoded', FORMS],
      [multipartType(), MULTIPARTS],
    ] as const) {
      for (const payload of payloads) {
        const answer = await app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload })
        const body = answer.json()
        const refused = answer.statusCode === 400 || answer.statusCode === 401
        const inItsFormat = 'detail' in body || Object.values(body).every(value => Array.isArray(value))
        t.ok(
          refused && inItsFormat,
          `${url} ${payload.toString().slice(0, 60)}: ${answer.statusCode} ${answer.body.slice(0, 200)}`,
        )
        t.match(answer.headers['content-type'], /^application\/json/)
      }
    }
  }
  for (const name of ['username', 'a', 'x']) t.notOk(name in {})
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('Simple JWT routes refuse bodies that are too large or of another media type before reading them', async t => {
  const { app } = await buildTestApp(t)
  for (const url of ADDRESSES) {
    for (const type of ['text/plain', 'multipart/mixed; boundary=a', 'application/xml', 'a/b', 'application']) {
      const answer = await app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload: '{}' })
      t.equal(answer.statusCode, 415, `${url} ${type}`)
      t.strictSame(answer.json(), { detail: `Unsupported media type "${type}" in request.` })
    }
    const payload = JSON.stringify({ username: 'a'.repeat(1_000_000) })
    const large = await app.inject({ method: 'POST', url, headers: { 'content-type': 'application/json' }, payload })
    t.equal(large.statusCode, 413, url)
    t.ok(large.json().detail)
    const form = { method: 'POST', url, headers: { 'content-type': multipartType() } } as const
    for (const payload of [multipart({ username: 'a'.repeat(9000) }), `${'preamble\r\n'.repeat(1000)}`])
      t.equal((await app.inject({ ...form, payload })).statusCode, 413, url)
  }
})

t.test('a multipart form with more than 32 parts or without a boundary is refused', async t => {
  const { app } = await buildTestApp(t)
  const send = (contentType: string, payload: string) =>
    app.inject({ method: 'POST', url: '/api/token/', headers: { 'content-type': contentType }, payload })
  for (const flood of [part('a', ''), `--${BOUNDARY}\r\n\r\n\r\n`, part('a"; filename="b', '')]) {
    const parts = Math.floor(4000 / flood.length)
    const answer = await send(multipartType(), `${flood.repeat(parts)}--${BOUNDARY}--\r\n`)
    t.equal(answer.statusCode, 400)
    t.strictSame(answer.json(), { detail: 'Multipart form parse error - More than 32 parts' })
  }
  const missing = { detail: 'Multipart form parse error - Invalid boundary in multipart: None' }
  for (const parameters of ['', ';', '; boundary', '; boundary=', '; boundary=""', '; charset=utf-8', '; bound=a']) {
    const answer = await send(`multipart/form-data${parameters}`, multipart({ username: 'a', password: 'b' }))
    t.equal(answer.statusCode, 400, parameters)
    t.strictSame(answer.json(), missing, parameters)
  }
})

t.test('a form of another site cannot use the cookie of a signed-in browser on Simple JWT routes', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const own = { username: ada.email, password: PASSWORD }
  // The content types that an HTML form can send without a preflight request.
  for (const [type, payload] of [
    ['application/x-www-form-urlencoded', new URLSearchParams(own).toString()],
    [multipartType(), multipart(own)],
  ] as const) {
    const headers = { 'content-type': type, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    const signedIn = { ...headers, cookie: `__Host-latchkey=${ada.refreshToken}` }
    for (const url of ADDRESSES) {
      const answer = await app.inject({ method: 'POST', url, headers: signedIn, payload })
      t.equal(answer.statusCode, 403, `${url} ${type}`)
      t.equal(answer.json().code, 'cross_site_request')
    }
    // Without a cookie the page may sign in with its own password, but it cannot read the response.
    const answer = await app.inject({ method: 'POST', url: '/api/token/', headers, payload })
    t.equal(answer.statusCode, 200)
    t.equal(answer.headers['set-cookie'], undefined)
    t.equal(answer.headers['access-control-allow-origin'], undefined)
  }
})
