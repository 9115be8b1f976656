import { METHODS } from 'node:http'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { refresh, signUp } from '../support/people.js'
import { listen, parseAnswer, rawRequest } from '../support/raw-request.js'

async function editor(t: Parameters<typeof buildTestApp>[0], overrides: NodeJS.ProcessEnv = {}) {
  const { app, database } = await buildTestApp(t, overrides)
  const ada = await signUp(app)
  await database.admin`update users set roles = '{editor,author}' where id = ${ada.userId}`
  return { app, token: (await refresh(app, ada.refreshToken)).json().access_token as string, userId: ada.userId }
}

async function ask(app: FastifyInstance, url: string, token: string | undefined, options: object = {}) {
  const { headers = {}, ...rest } = options as { headers?: Record<string, string> }
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return (await app.inject({ url, headers: { ...authorization, ...headers }, ...rest })).statusCode
}

t.test('/auth/verify answers a gateway that appends the path and forwards the method and the query', async t => {
  const { app, token, userId } = await editor(t)
  const answer = await app.inject({
    method: 'PUT',
    url: '/auth/verify/api/orders?page=2',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv' },
    payload: 'a,b',
  })
  t.match(answer, { statusCode: 200, body: '', headers: { 'x-auth-subject': userId } })
  for (const path of ['', '?role=nobody', '?a=%', '%ff', '100%', 'x'.repeat(2000), 'a//../b;c', 'role/nobody', '-'])
    t.equal(await ask(app, `/auth/verify/${path}`, token), 200, path.slice(0, 20))
  t.equal(await ask(app, '/auth/verify/api/orders', 'made.up.token'), 401)
  t.equal(await ask(app, '/auth/verify/api/orders', undefined), 401)
})

t.test('/auth/verify answers every method, and refuses each without a token', async t => {
  const { app, token } = await editor(t, { CORS_ORIGINS: 'https://app.example.com' })
  const port = await listen(app)
  for (const method of METHODS.filter(method => method !== 'CONNECT' && method !== 'QUERY')) {
    const send = async (...more: string[]) => {
      const head = [`${method} /auth/verify/api HTTP/1.1`, 'Host: localhost', 'Connection: close', ...more, '', '']
      return parseAnswer(await rawRequest(port, head.join('\r\n'))).status
    }
    t.equal(await send(`Authorization: Bearer ${token}`), 200, method)
    t.equal(await send('Origin: https://app.example.com', 'Access-Control-Request-Method: GET'), 401, `${method} alone`)
  }
})

t.test('/auth/verify answers requests in the formats of Envoy and Traefik', async t => {
  const { app, token } = await editor(t)
  const port = await listen(app)
  const send = async (...head: string[]) => {
    const lines = [...head, 'Host: latchkey:3000', `Authorization: Bearer ${token}`, 'Connection: close', '', '']
    return parseAnswer(await rawRequest(port, lines.join('\r\n'))).status
  }
  const envoy = [
    'content-length: 0',
    'x-envoy-internal: true',
    'x-forwarded-for: 10.0.0.7',
    'x-envoy-expected-rq-timeout-ms: 1000',
  ]
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
    t.equal(await send(`${method} /auth/verify-role/editor/orders/7?page=2 HTTP/1.1`, ...envoy), 200, method)

  const traefik = ['X-Forwarded-Host: app.example.com', 'X-Forwarded-Port: 443', 'X-Forwarded-Proto: https']
  const asked = ['X-Forwarded-Method: POST', 'X-Forwarded-Uri: /orders?role=nobody', 'X-Forwarded-For: 10.0.0.7']
  // Traefik forwards the client's headers about the body, but not the body.
  const type = 'Content-Type: application/json'
  t.equal(await send('GET /auth/verify?role=editor HTTP/1.1', ...traefik, ...asked, type), 200)
  t.equal(await send('GET /auth/verify?role=admin HTTP/1.1', ...traefik, ...asked, type), 403)
})

t.test('the path and query of a client do not change the role that a gateway requires in the path', async t => {
  const { app, token } = await editor(t)
  for (const rest of ['', '/', '/api?role=admin', '/role/admin/x', '?role=admin', '/%'])
    t.equal(await ask(app, `/auth/verify-role/editor${rest}`, token), 200, rest)
  t.equal(await ask(app, '/auth/verify-role/admin,author/x', token), 200, 'one of several roles is enough')
  for (const path of ['admin/x', 'admin/editor', 'admin?role=editor', '', '/editor', 'admin%2Ceditor/'])
    t.equal(await ask(app, `/auth/verify-role/${path}`, token), 403, path)
})

t.test('the forwarded query of a client does not change which role a gateway requires', async t => {
  const { app, token } = await editor(t)
  const through = (query: string, uri: string) =>
    ask(app, `/auth/verify${query}`, token, { headers: { 'x-forwarded-uri': uri } })
  t.equal(await through('?page=2', '/orders?page=2'), 200, 'Caddy without its own query')
  t.equal(await through('?page=2&x', '/orders?page=2&x'), 200)
  t.equal(await through('?role=editor', '/orders?page=2'), 200, 'a gateway that requires a role')
  t.equal(await through('?role=admin', '/orders?page=2'), 403)
  t.equal(await through('?role=admin', '/orders?role=admin'), 403, 'the client cannot remove the required role')
  t.equal(await through('?role=admin&page=2', '/?role=admin&page=2'), 403)
  t.equal(await through('?roles=admin', '/orders'), 403, 'a misspelled parameter')
  t.equal(await ask(app, '/auth/verify?page=2', token), 403, 'no header says that the query is the client’s')
})

t.test('CORS preflights are accepted only as VERIFY_PREFLIGHTS allows, and without an identity', async t => {
  const preflight = { origin: 'https://app.example.com', 'access-control-request-method': 'PUT' }
  const forwarded = { headers: { ...preflight, 'x-forwarded-method': 'OPTIONS' } }
  const kept = { method: 'OPTIONS', headers: preflight }
  const off = await buildTestApp(t)
  t.equal(await ask(off.app, '/auth/verify', undefined, forwarded), 401)
  t.equal(await ask(off.app, '/auth/verify/api', undefined, kept), 401)

  const byMethod = await buildTestApp(t, { VERIFY_PREFLIGHTS: 'method' })
  t.equal(await ask(byMethod.app, '/auth/verify/api', undefined, kept), 200)
  t.equal(await ask(byMethod.app, '/auth/verify-role/admin/api', undefined, kept), 200)
  t.equal(await ask(byMethod.app, '/auth/verify', undefined, forwarded), 401, 'a client can forge this header')
  t.equal(
    await ask(byMethod.app, '/auth/verify/api', undefined, { method: 'OPTIONS' }),
    401,
    'not every OPTIONS request is a preflight',
  )

  const byHeader = await buildTestApp(t, { VERIFY_PREFLIGHTS: 'forwarded' })
  const answer = await byHeader.app.inject({ url: '/auth/verify', ...forwarded })
  t.match(answer, { statusCode: 200, headers: { 'x-auth-subject': '', 'x-auth-session': '', 'x-auth-roles': '' } })
  t.equal(await ask(byHeader.app, '/auth/verify', undefined, { headers: preflight }), 401)
})
