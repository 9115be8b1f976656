import { readSession } from '@latchkey/client/server'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { listen } from '../support/raw-request.js'
import { ADA } from './client-page.js'

t.test('a server reads the session of a request, as often as it wants, and changes nothing', async t => {
  const { app, clock } = await buildTestApp(t)
  const baseUrl = `http://127.0.0.1:${await listen(app)}`
  const { cookies } = await app.inject({ method: 'POST', url: '/auth/register', payload: ADA })
  const cookie = ['theme=dark', ...cookies.map(({ name, value }) => `${name}=${value}`)].join('; ')
  await clock.advance(60)
  const requests = [
    new Request('http://app.example/', { headers: { cookie } }),
    { headers: { cookie } },
    ...Array(18).fill({ headers: { cookie } }),
  ]
  for (const session of await Promise.all(requests.map(request => readSession(request, { baseUrl }))))
    t.match(session, { user: { email: ADA.email }, sessionId: String, accessToken: /^ey/ })
  const refreshed = await app.inject({ method: 'POST', url: '/auth/refresh', headers: { cookie } })
  t.equal(refreshed.statusCode, 200, 'the cookie of the browser is still the current one')
})

t.test('nobody is signed in without a cookie, with one that ended, or with that of another service', async t => {
  const { app } = await buildTestApp(t)
  const baseUrl = `http://127.0.0.1:${await listen(app)}`
  t.equal(await readSession({ headers: {} }, { baseUrl }), null)
  t.equal(await readSession({ headers: { cookie: 'theme=dark' } }, { baseUrl: 'http://127.0.0.1:1' }), null)
  t.equal(await readSession({ headers: { cookie: '__Host-latchkey=lk_rt_nonsense' } }, { baseUrl }), null)
})

t.test('an outage is an error, and not a sign-out', async t => {
  const headers = { cookie: '__Host-latchkey=lk_rt_nonsense' }
  await t.rejects(readSession({ headers }, { baseUrl: 'http://127.0.0.1:1' }), TypeError)
})

t.test('a visitor cannot break it with a header', async t => {
  const headers = { get: '1', cookie: 'theme=dark' }
  t.equal(await readSession({ headers }, { baseUrl: 'http://127.0.0.1:1' }), null)
})
