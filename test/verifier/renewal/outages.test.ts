import type { RequestListener } from 'node:http'
import { VerifierError } from '@latchkey/verifier'
import t from 'tap'
import { until } from '../../support/eventually.js'
import { frameworks } from '../adapters/frameworks.js'
import { ACCESS, cookieOf, signedIn, standIn, visit } from './browser.js'

const json = { 'content-type': 'application/problem+json' }
/** What can stand between a service and Latchkey, or be wrong with Latchkey. */
const outages: Record<string, RequestListener> = {
  'Latchkey cannot reach its stores': (_request, response) =>
    response.writeHead(503, { ...json, 'retry-after': '7' }).end('{"code":"store_unavailable"}'),
  'there were too many requests': (_request, response) =>
    response.writeHead(429, { ...json, 'retry-after': '7' }).end('{"code":"rate_limited"}'),
  'a gateway asks for its own password': (_request, response) =>
    response.writeHead(401, { 'content-type': 'text/html', 'set-cookie': 'gateway=1' }).end('<h1>Sign in</h1>'),
  'another service answers 401': (_request, response) => response.writeHead(401, json).end('{"code":"token_expired"}'),
  'a gateway redirects': (_request, response) => response.writeHead(302, { location: 'https://other.example/' }).end(),
  'a gateway serves a page': (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('{"access_token":"a.b.c"}'),
  'the answer is not JSON': (_request, response) => response.writeHead(200, json).end('{"access_token":'),
  'the answer has no token': (_request, response) => response.writeHead(200, json).end('{"access_token":""}'),
  'the session belongs to a client': (_request, response) =>
    response.writeHead(403, json).end('{"code":"client_required"}'),
  'the connection breaks': (request, response) => {
    request.socket.destroy()
    response.destroy()
  },
  'nothing is answered': () => {},
  'the body does not arrive': (_request, response) => response.writeHead(200, json).write('{"access_token":"a.b.c"'),
}

t.test('an outage signs nobody out: 503, no cookie changes, and the next request can be renewed', async t => {
  const { browser, verifier, renew, renewWith, warnings } = await signedIn(t)
  browser.cookies.delete(ACCESS)
  const cookies = cookieOf(browser)
  for (const [what, listener] of Object.entries(outages)) {
    const baseUrl = await standIn(t, listener)
    warnings.length = 0
    const down = renewWith({ baseUrl, timeoutMs: 500 })
    for (const path of ['/me', '/open']) {
      const send = await frameworks['Express 5']!(t, verifier, { cookie: ACCESS, renew: down })
      const answer = await visit(send, browser, path)
      t.match(answer, { status: 503, body: { code: 'refresh_unavailable' } }, `${what} ${path}`)
      t.equal(answer.headers['retry-after'], what.includes('many') || what.includes('stores') ? '7' : '1')
      t.notOk(answer.headers['set-cookie'])
    }
    t.equal(warnings.length, 1, 'one warning for two requests')
    t.match(warnings[0], `POST ${baseUrl}/auth/refresh`)
    for (const secret of [...browser.cookies.values(), 'a.b.c']) t.notMatch(warnings[0], secret)
  }
  t.equal(cookieOf(browser), cookies)
  for (const [name, start] of Object.entries(frameworks)) {
    browser.cookies.delete(ACCESS)
    t.equal((await visit(await start(t, verifier, { cookie: ACCESS, renew }), browser)).status, 200, name)
  }
})

t.test('a redirect is not followed, so the cookies reach no other address', async t => {
  const { browser, renewWith } = await signedIn(t)
  let reached = 0
  const other = await standIn(t, (_request, response) => {
    reached++
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"access_token":"a.b.c"}')
  })
  for (const status of [301, 302, 307, 308]) {
    const baseUrl = await standIn(t, (_request, response) => response.writeHead(status, { location: other }).end())
    const renewal = renewWith({ baseUrl })({ headers: { cookie: cookieOf(browser) } })
    await t.rejects(renewal, { code: 'refresh_unavailable' })
  }
  t.equal(reached, 0)
})

t.test('an answer without an end is given up at 64 KB, and its connection is closed', async t => {
  const { browser, renewWith } = await signedIn(t)
  const request = { headers: { cookie: cookieOf(browser) } }
  for (const status of [200, 401]) {
    let closed = false
    const baseUrl = await standIn(t, async (_request, response) => {
      response.on('close', () => {
        closed = true
      })
      response.writeHead(status, json).write('{"code":"session_revoked","access_token":"a.b.c","padding":"')
      // More than what the connection itself can hold; then the valid end of the answer.
      for (let part = 0; part < 64 && !response.destroyed; part++)
        if (!response.write('a'.repeat(1024 * 1024)))
          await new Promise<void>(resolve => response.once('drain', resolve).once('close', resolve))
      if (!response.destroyed) response.end('"}')
    })
    const renewal = renewWith({ baseUrl, timeoutMs: 30_000 })(request)
    await t.rejects(renewal, { code: 'refresh_unavailable', message: /larger than 65536 bytes/ })
    await until(async () => closed)
  }
  const nearly = `{"access_token":"a.b.c","padding":"${'a'.repeat(64 * 1024 - 37)}"}`
  t.equal(nearly.length, 64 * 1024)
  const baseUrl = await standIn(t, (_request, response) => response.writeHead(200, json).end(nearly))
  t.match(await renewWith({ baseUrl })(request), { accessToken: 'a.b.c' })
})

t.test('a name that cannot be resolved, and a port at which nothing listens, are outages too', async t => {
  const { browser, renewWith } = await signedIn(t)
  const request = { headers: { cookie: cookieOf(browser) } }
  for (const baseUrl of ['http://latchkey.invalid', 'http://127.0.0.1:9']) {
    const refused = renewWith({ baseUrl })(request)
    await t.rejects(refused, { code: 'refresh_unavailable', status: 503, retryAfterSeconds: 1 })
    await t.rejects(refused, VerifierError)
  }
})

t.test('the cookies of a gateway are not passed on, those of Latchkey are', async t => {
  const { browser, renewWith } = await signedIn(t)
  const ours = ['__Host-latchkey=abc; Path=/', '__Host-latchkey-0af=abc; Path=/', '__Host-latchkey-ticket=; Max-Age=0']
  const baseUrl = await standIn(t, (_request, response) =>
    response
      .writeHead(200, {
        'content-type': 'application/json',
        'set-cookie': ['route=7', 'latchkey=1', ...ours, '__Host-latchkey-x=1'],
      })
      .end('{"access_token":"a.b.c"}'),
  )
  const renewal = await renewWith({ baseUrl })({ headers: { cookie: cookieOf(browser) } })
  t.strictSame(renewal, { accessToken: 'a.b.c', setCookies: ours })
})
