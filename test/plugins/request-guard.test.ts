import t from 'tap'
import { buildToyApp } from '../support/toy-app.js'

t.test('a request whose Content-Length is too large is refused before any other check', async t => {
  const { app } = await buildToyApp(t)
  const answer = await app.inject({
    method: 'POST',
    url: '/echo',
    // The request is also cross-site and not JSON.
    headers: { 'content-length': '4097', 'content-type': 'text/plain', cookie: '__Host-latchkey=a', origin: 'null' },
  })
  t.match(answer.json(), { status: 413, code: 'body_too_large' })
  t.equal(answer.headers.connection, 'close')
})

t.test('a route can have a larger body limit than the others', async t => {
  const { app } = await buildToyApp(t, {
    routes: app => {
      app.post('/large', { bodyLimit: 8192 }, async () => ({ ok: true }))
    },
  })
  const post = (size: number) => app.inject({ method: 'POST', url: '/large', payload: { a: 'a'.repeat(size) } })
  t.equal((await post(5000)).statusCode, 200)
  t.equal((await post(9000)).statusCode, 413)
})

t.test('a repeated security-relevant header is refused as ambiguous', async t => {
  const { app } = await buildToyApp(t)
  for (const name of ['authorization', 'content-type', 'content-length', 'cookie', 'host', 'origin']) {
    const answer = await app.inject({ url: '/thing/7', headers: { [name]: ['a', 'a'] } as never })
    t.match(answer.json(), { status: 400, code: 'ambiguous_request' }, name)
    t.match(answer.json().detail, name)
  }
  const answer = await app.inject({ url: '/thing/7', headers: { 'x-forwarded-for': ['::1', '::2'] } as never })
  t.equal(answer.statusCode, 200, 'other headers can be repeated')
})
