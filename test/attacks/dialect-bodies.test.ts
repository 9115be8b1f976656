import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
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

t.test('no body brings a dialect out of its words, or to do anything', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  for (const url of ADDRESSES) {
    for (const [type, payloads] of [
      ['application/json', JSON_BODIES],
      ['application/x-www-form-urlencoded', FORMS],
    ] as const) {
      for (const payload of payloads) {
        const answer = await app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload })
        const body = answer.json()
        const refused = answer.statusCode === 400 || answer.statusCode === 401
        const inItsWords = 'detail' in body || Object.values(body).every(value => Array.isArray(value))
        t.ok(refused && inItsWords, `${url} ${payload.slice(0, 60)}: ${answer.statusCode} ${answer.body.slice(0, 200)}`)
        t.match(answer.headers['content-type'], /^application\/json/)
      }
    }
  }
  t.notOk('username' in {})
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('bodies that are too large or of another kind are refused before they are read', async t => {
  const { app } = await buildTestApp(t)
  for (const url of ADDRESSES) {
    for (const type of ['text/plain', 'multipart/form-data; boundary=a', 'application/xml', 'a/b', 'application']) {
      const answer = await app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload: '{}' })
      t.equal(answer.statusCode, 415, `${url} ${type}`)
      t.strictSame(answer.json(), { detail: `Unsupported media type "${type}" in request.` })
    }
    const payload = JSON.stringify({ username: 'a'.repeat(1_000_000) })
    const large = await app.inject({ method: 'POST', url, headers: { 'content-type': 'application/json' }, payload })
    t.equal(large.statusCode, 413, url)
    t.ok(large.json().detail)
  }
})

t.test('a page of another site makes nothing happen by its form in a browser that is signed in', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    origin: 'https://evil.example',
    'sec-fetch-site': 'cross-site',
  }
  const signedIn = { ...headers, cookie: `__Host-latchkey=${ada.refreshToken}` }
  for (const url of ADDRESSES) {
    const answer = await app.inject({ method: 'POST', url, headers: signedIn, payload: 'username=a&password=b' })
    t.equal(answer.statusCode, 403, url)
    t.equal(answer.json().code, 'cross_site_request')
  }
  // Without a cookie it may sign itself in, and gets nothing but an answer that it can't read.
  const payload = new URLSearchParams({ username: ada.email, password: PASSWORD }).toString()
  const answer = await app.inject({ method: 'POST', url: '/api/token/', headers, payload })
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['set-cookie'], undefined)
  t.equal(answer.headers['access-control-allow-origin'], undefined)
})
