import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp } from '../support/build-test-app.js'
import { signUp } from '../support/people.js'
import { listen, parseAnswer, rawRequest } from '../support/raw-request.js'

/** Sends a request target unchanged: a client library would normalise it. */
async function sender(app: FastifyInstance) {
  const port = await listen(app)
  return async (method: string, target: string, headers: Record<string, string> = {}) => {
    const lines = Object.entries({ Host: 'localhost', Connection: 'close', ...headers }).map(pair => pair.join(': '))
    return parseAnswer(await rawRequest(port, [`${method} ${target} HTTP/1.1`, ...lines, '', ''].join('\r\n'))).status
  }
}

const SPELLINGS = [
  '//identity',
  '/identity/',
  '/identity/identity',
  '/identity/identity/identity',
  '/identity/.',
  '/identity/../identity',
  '/x/../identity',
  '/./identity',
  '/identity%2f..',
  '/identity%00',
  '/identity;a=b',
  '/%69dentity',
  '%2fidentity',
  '\\identity',
  '/IDENTITY',
  '/identity2',
  'identity',
  'http://localhost/identity',
  '//localhost/identity',
]

t.test('no other spelling of the public path leads to a route', async t => {
  const { app } = await buildTestApp(t, { PUBLIC_PATH: '/identity' })
  const send = await sender(app)
  for (const [method, url] of [
    ['POST', '/auth/login'],
    ['GET', '/auth/verify'],
    ['DELETE', `/admin/users/${newId()}`],
    ['GET', '/.well-known/jwks.json'],
  ] as const) {
    t.not(await send(method, `/identity${url}`), 404, `${method} /identity${url}`)
    for (const spelling of SPELLINGS)
      t.ok([400, 404].includes(await send(method, spelling + url)), `${method} ${spelling}${url}`)
  }
})

t.test('a route below the public path has the same authorization and rate limit as the route without it', async t => {
  const { app } = await buildTestApp(t, { PUBLIC_PATH: '/identity', RATE_LIMIT: 'on', RATE_LIMIT_PER_ADDRESS: '3' })
  const payload = { email: 'ada@example.com', password: 'not the password' }
  const logIn = async (url: string) => (await app.inject({ method: 'POST', url, payload })).statusCode
  for (const url of ['/auth/login', '/identity/auth/login', '/identity/auth/login?a'])
    t.equal(await logIn(url), 401, url)
  for (const url of ['/auth/login', '/identity/auth/login', '/identity/auth/login?b'])
    t.equal(await logIn(url), 429, url)
  t.equal((await app.inject('/identity/admin/users')).statusCode, 401)
})

t.test('no path that a gateway appends to /auth/verify turns it into another request', async t => {
  for (const path of ['/identity', '/auth', '/auth/-']) {
    const { app } = await buildTestApp(t, { PUBLIC_PATH: path })
    const send = await sender(app)
    const Authorization = `Bearer ${(await signUp(app)).accessToken}`
    for (const below of ['', path])
      for (const rest of ['/livez', '/auth/livez', `${path}/livez`, '/../livez', '/../../livez', '//docs/']) {
        t.equal(await send('GET', `${below}/auth/verify${rest}`), 401, `${below}/auth/verify${rest}`)
        t.equal(await send('GET', `${below}/auth/verify${rest}`, { Authorization }), 200)
        t.equal(await send('GET', `${below}/auth/verify-role/admin${rest}`, { Authorization }), 403)
      }
  }
})
