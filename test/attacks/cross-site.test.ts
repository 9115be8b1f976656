import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildToyApp } from '../support/toy-app.js'

const OWN = 'https://auth.example.com'
const COOKIE = { cookie: '__Host-latchkey=a' }
const FOREIGN = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }

const routes = (app: FastifyInstance) => {
  app.post('/refresh', async () => ({ ok: true }))
  app.delete('/sessions/1', async () => ({ ok: true }))
  app.post('/login', { config: { csrf: 'always' } }, async () => ({ ok: true }))
}

t.test('a page of another site cannot change state with the cookie of a signed-in browser', async t => {
  const { app } = await buildToyApp(t, { routes, cookie: { access: true } })
  for (const cookie of ['__Host-latchkey=a', '__Host-latchkey-at=a', 'x=1; __Host-latchkey=', '__Host-latchkey="a"']) {
    for (const [method, url] of [
      ['POST', '/refresh'],
      ['DELETE', '/sessions/1'],
    ] as const) {
      for (const headers of [
        FOREIGN,
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { 'sec-fetch-site': 'same-site', origin: 'https://blog.example.com' },
        { 'sec-fetch-site': 'none' },
      ]) {
        const answer = await app.inject({ method, url, headers: { ...headers, cookie } })
        t.match(answer.json(), { status: 403, code: 'cross_site_request' }, `${method} ${JSON.stringify(headers)}`)
      }
    }
  }
})

t.test('a page of another site cannot sign a browser in, with or without a cookie', async t => {
  const { app } = await buildToyApp(t, { routes })
  t.equal((await app.inject({ method: 'POST', url: '/login', headers: FOREIGN })).statusCode, 403)
  t.equal((await app.inject({ method: 'POST', url: '/login', headers: { ...FOREIGN, ...COOKIE } })).statusCode, 403)
  t.equal((await app.inject({ method: 'POST', url: '/login' })).statusCode, 200, 'a program without a browser can')
})

t.test('a form or text body is refused with 415, even from the same origin', async t => {
  const { app } = await buildToyApp(t, { routes })
  for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=a', 'text/plain']) {
    const answer = await app.inject({
      method: 'POST',
      url: '/login',
      headers: { 'content-type': type, 'sec-fetch-site': 'same-origin' },
      payload: '{"email":"a"}',
    })
    t.equal(answer.statusCode, 415, type)
  }
})

t.test('a link (GET) cannot change state', async t => {
  const { app } = await buildToyApp(t, { routes })
  for (const url of ['/refresh', '/login', '/sessions/1']) {
    t.equal((await app.inject({ url, headers: COOKIE })).statusCode, 405)
  }
})

t.test('the service’s own pages, listed origins and programs are accepted', async t => {
  const listed = 'https://app.example.com'
  const { app } = await buildToyApp(t, { routes, corsOrigins: [listed] })
  for (const headers of [
    { 'sec-fetch-site': 'same-origin', origin: OWN },
    { origin: OWN },
    { origin: listed, 'sec-fetch-site': 'same-site' },
    { origin: listed, 'sec-fetch-site': 'cross-site' },
    {},
  ]) {
    const answer = await app.inject({ method: 'POST', url: '/refresh', headers: { ...headers, ...COOKIE } })
    t.equal(answer.statusCode, 200, JSON.stringify(headers))
  }
})

t.test('a cross-site request without a cookie, or with GET, is accepted', async t => {
  const { app } = await buildToyApp(t, { routes })
  t.equal((await app.inject({ method: 'POST', url: '/refresh', headers: FOREIGN })).statusCode, 200)
  t.equal((await app.inject({ url: '/thing/7', headers: { ...FOREIGN, ...COOKIE } })).statusCode, 200)
})
