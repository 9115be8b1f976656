import t from 'tap'
import { setRoles } from '../../../src/domain/accounts/administer-users.js'
import { makeClient } from '../../support/clients.js'
import { FIREFOX, IPHONE } from '../../support/device.js'
import { until } from '../../support/eventually.js'
import { get } from '../../support/people.js'
import { frameworks } from '../adapters/frameworks.js'
import { ACCESS, cookieOf, REFRESH, type SignedIn, signedIn, standIn, store, visit } from './browser.js'

/** A renewal that counts how often Latchkey is asked. */
function counting(renewWith: SignedIn['renewWith']) {
  let count = 0
  const renew = renewWith({
    fetch: (...sent) => {
      count++
      return fetch(...sent)
    },
  })
  return { renew, asked: () => count }
}

t.test('a missing or refused access cookie is renewed with the refresh cookie, and the request is served', async t => {
  const { browser, verifier, renew, clock, forger } = await signedIn(t)
  const expired = forger.token({}, { exp: Math.floor(Date.now() / 1000) - 60 })
  for (const [name, start] of Object.entries(frameworks)) {
    const send = await start(t, verifier, { cookie: ACCESS, renew })
    for (const access of [undefined, expired, 'a.b.c']) {
      await clock.advance(31)
      const before = browser.cookies.get(REFRESH)
      if (access === undefined) browser.cookies.delete(ACCESS)
      else browser.cookies.set(ACCESS, access)
      const page = await visit(send, browser)
      t.match(page, { status: 200, body: { sessionId: browser.sessionId } }, `${name}, ${access?.length}`)
      t.equal(page.headers['cache-control'], 'no-store')
      const names = [page.headers['set-cookie'] ?? []].flat().map(cookie => cookie.split('=')[0])
      t.ok(names.includes(ACCESS) && names.includes(REFRESH), 'the browser gets the new cookies')
      t.not(browser.cookies.get(REFRESH), before, 'the refresh token was rotated')
      t.notOk(
        [(await visit(send, browser)).headers['set-cookie'] ?? []].flat().length,
        'the next request is not renewed',
      )
    }
    browser.cookies.delete(ACCESS)
    t.match(await visit(send, browser, '/open'), { status: 200, body: { sessionId: browser.sessionId } })
  }
  t.equal((await browser.refresh()).statusCode, 200, 'the browser itself continues with the cookies')
})

t.test('a request without a refresh cookie is refused as before, and Latchkey is not asked', async t => {
  const { verifier, renewWith, browser } = await signedIn(t)
  const { renew, asked } = counting(renewWith)
  const send = await frameworks['Express 5']!(t, verifier, { cookie: ACCESS, renew })
  for (const cookie of [
    '',
    'other=1',
    `${ACCESS}=a.b.c`,
    `${REFRESH}=; x=1`,
    `${REFRESH}-ticket=abc`,
    `x${REFRESH}=abc`,
  ])
    t.match(await send('/me', { cookie }), { status: 401 }, cookie)
  t.match(await send('/open', { cookie: 'other=1' }), { status: 200, body: {} })
  t.match(await send('/me', { cookie: cookieOf(browser), authorization: 'Bearer a.b.c' }), { status: 401 })
  t.equal(asked(), 0)
})

t.test('a session that has ended is signed out: 401, and the cookies are cleared', async t => {
  for (const [name, start] of Object.entries(frameworks)) {
    await t.test(name, async t => {
      const { browser, verifier, renew } = await signedIn(t)
      const send = await start(t, verifier, { cookie: ACCESS, renew })
      await browser.copy().post('/auth/logout')
      browser.cookies.delete(ACCESS)
      const open = browser.copy()
      t.match(await visit(send, browser), { status: 401, body: { code: 'authentication_required' } })
      t.notOk([...browser.cookies.keys()].some(name => name.startsWith(REFRESH) && !name.endsWith('-device')))
      t.match(await visit(send, open, '/open'), { status: 200, body: {} }, 'a page for everybody is shown')
      t.notOk(open.cookies.has(REFRESH))
    })
  }
})

t.test('an older refresh token is refused, and the browser keeps its newer cookies and gets the ticket', async t => {
  const { browser, verifier, renew, clock } = await signedIn(t)
  const send = await frameworks['node:http']!(t, verifier, { cookie: ACCESS, renew })
  const hanging = browser.copy()
  hanging.cookies.delete(ACCESS)
  for (let rotation = 0; rotation < 2; rotation++) {
    await clock.advance(100)
    await browser.refresh()
  }
  const answer = await send('/me', { cookie: cookieOf(hanging) })
  t.equal(answer.status, 401)
  t.match(answer.headers['set-cookie'], [/^__Host-latchkey-ticket=/])
  t.equal(answer.headers['set-cookie']!.length, 1)
  store(browser, [answer.headers['set-cookie'] ?? []].flat())
  browser.cookies.delete(ACCESS)
  await clock.advance(31)
  t.equal((await visit(send, browser)).status, 200)
  t.notOk(browser.cookies.has('__Host-latchkey-ticket'))
})

t.test('a thief who refreshed before the owner is found by a renewal too', async t => {
  const { browser, verifier, renew, clock, app } = await signedIn(t)
  const send = await frameworks.Hono!(t, verifier, { cookie: ACCESS, renew })
  const thief = browser.copy()
  await thief.refresh()
  await clock.advance(70)
  await thief.verified()
  browser.cookies.delete(ACCESS)
  t.equal((await visit(send, browser)).status, 401)
  t.equal((await get(app, '/auth/verify', thief.accessToken!)).statusCode, 200)
  t.equal((await visit(send, browser)).status, 401)
  t.match((await get(app, '/auth/verify', thief.accessToken!)).json(), { code: 'token_revoked' })
})

t.test('requests of one browser that come at the same time share one refresh', async t => {
  const { browser, verifier, renewWith, clock } = await signedIn(t)
  const sent: string[] = []
  const renew = renewWith({
    fetch: async (input, init) => {
      sent.push(String(new Headers(init?.headers).get('user-agent')))
      await new Promise(resolve => setTimeout(resolve, 300))
      return fetch(input, init)
    },
  })
  const send = await frameworks['Fastify 5']!(t, verifier, { cookie: ACCESS, renew })
  await clock.advance(31)
  browser.cookies.delete(ACCESS)
  const tabs = Array.from({ length: 20 }, () => browser.copy())
  const answers = await Promise.all(tabs.map(() => send('/me', { cookie: cookieOf(browser), 'user-agent': FIREFOX })))
  for (const answer of answers) t.equal(answer.status, 200)
  t.strictSame(sent, [FIREFOX], 'one refresh')
  t.strictSame(new Set(answers.map(({ headers }) => String(headers['set-cookie']))).size, 1)

  // Another browser with the same cookies can be a thief's: its answer must have a mark of its own.
  const both = await Promise.all(
    [FIREFOX, IPHONE].map(agent => send('/me', { cookie: cookieOf(browser), 'user-agent': agent })),
  )
  const marks = both.map(
    ({ headers }) =>
      /^__Host-latchkey-[0-9a-f]{3}=[\w-]+\.([\w-]{6});/m.exec([headers['set-cookie']].flat().join('\n'))?.[1],
  )
  t.equal(new Set(marks).size, 2)
  t.notOk(marks.includes(undefined))
})

t.test('Latchkey learns the browser and the address of the client, and the id of the request', async t => {
  const { browser, verifier, renew, renewWith, clock, database } = await signedIn(t, { TRUST_PROXY: '127.0.0.1' })
  const session = async () => {
    await new Promise(resolve => setTimeout(resolve, 300))
    return (await database.admin`select user_agent, host(ip) as ip from sessions where id = ${browser.sessionId!}`)[0]
  }
  const client = { 'user-agent': IPHONE, 'x-forwarded-for': '203.0.113.9' }
  const throughGateway = await frameworks['Express 5']!(t, verifier, { cookie: ACCESS, renew })
  browser.cookies.delete(ACCESS)
  t.equal((await visit(throughGateway, browser, '/me', client)).status, 200)
  t.match(await session(), { user_agent: IPHONE, ip: '203.0.113.9' })

  await clock.advance(31)
  browser.cookies.delete(ACCESS)
  const own = renewWith({ clientAddress: ({ headers }) => String(headers['cf-connecting-ip']) })
  const withOption = await frameworks['a fetch handler']!(t, verifier, { cookie: ACCESS, renew: own })
  t.equal((await visit(withOption, browser, '/me', { 'cf-connecting-ip': '198.51.100.7' })).status, 200)
  t.match(await session(), { user_agent: FIREFOX, ip: '198.51.100.7' })
})

t.test('only the cookies of Latchkey, the browser, the address and the id are sent to Latchkey', async t => {
  const { browser, renewWith } = await signedIn(t)
  let sent: Record<string, string | string[] | undefined> = {}
  const url = await standIn(t, ({ headers, method, url }, response) => {
    sent = { ...headers, method, url }
    response.writeHead(401, { 'content-type': 'application/problem+json' }).end('{"code":"session_revoked"}')
  })
  const others = 'a=1; __Host-latchkey-device=abc; __Host-latchkey-0123=x; latchkey=y; __Host-latchkey-shop=z'
  const renewal = await renewWith({ baseUrl: `${url}/identity/` })({
    headers: {
      cookie: `${others}; ${cookieOf(browser)}`,
      'user-agent': FIREFOX,
      'x-request-id': 'abc-1',
      authorization: 'Basic c2VjcmV0',
      origin: 'https://other.example',
      'sec-fetch-site': 'cross-site',
      'x-forwarded-for': ['203.0.113.9', '10.0.0.1'],
    },
    socket: { remoteAddress: '10.0.0.2' },
  })
  t.match(renewal, { refusal: 'session_revoked', accessToken: undefined, setCookies: [] })
  browser.cookies.delete('__Host-latchkey-device')
  t.match(sent, {
    method: 'POST',
    url: '/identity/auth/refresh',
    'user-agent': FIREFOX,
    'x-request-id': 'abc-1',
    'x-forwarded-for': '203.0.113.9, 10.0.0.1, 10.0.0.2',
    authorization: undefined,
    origin: undefined,
    'sec-fetch-site': undefined,
  })
  t.equal(sent.cookie, cookieOf(browser))
})

t.test('requests of pages of other sites that can change something are not renewed', async t => {
  const { browser, verifier, renewWith } = await signedIn(t)
  const { renew, asked } = counting(renewWith)
  for (const [name, start] of Object.entries(frameworks)) {
    const send = await start(t, verifier, { cookie: ACCESS, renew })
    const before = asked()
    browser.cookies.set(ACCESS, 'a.b.c')
    const foreign = { origin: 'https://other.example', 'sec-fetch-site': 'cross-site' }
    t.match(await visit(send, browser, '/me', foreign, 'POST'), { status: 403, body: { code: 'cross_site_request' } })
    browser.cookies.delete(ACCESS)
    t.match(await visit(send, browser, '/me', foreign, 'POST'), { status: 401 })
    t.equal(asked(), before, name)
    t.equal((await visit(send, browser, '/me', { 'sec-fetch-site': 'cross-site' })).status, 200, 'a link is followed')
    browser.cookies.delete(ACCESS)
    t.equal((await visit(send, browser, '/me', { 'sec-fetch-site': 'same-origin' }, 'POST')).status, 200)
    t.equal(asked(), before + 2)
  }
})

t.test('a page gets the new roles at once: an access token that is out of date is renewed', async t => {
  const { app, browser, renew, verifierWith } = await signedIn(t)
  const { id, secret } = await makeClient(app, 'revocations')
  const verifier = verifierWith({ client: { id, secret } })
  await verifier.ready({ timeoutMs: 10_000 })
  const send = await frameworks['Fastify 5']!(t, verifier, { cookie: ACCESS, renew })
  t.match(await visit(send, browser), { status: 200, body: { roles: [] } })
  await setRoles(app.context, 'reader@example.com', ['editor'], 'a test')
  await until(async () => {
    const { status, body } = await visit(send, browser)
    return status === 200 && String(body.roles) === 'editor'
  })
  t.match(await visit(send, browser, '/editors'), { status: 200, body: { roles: ['editor'] } })

  await browser.copy().post('/auth/logout')
  await until(async () => (await visit(send, browser)).body.code === 'token_revoked')
  t.ok(browser.cookies.has(ACCESS), 'a revoked token is not renewed')
})
