import { VerifierError } from '@latchkey/verifier'
import latchkey, { authenticate, type Renew, requireRecentAuth } from '@latchkey/verifier/fastify'
import Fastify from 'fastify'
import t from 'tap'
import { frameworks } from './frameworks.js'
import { openService, verifierThat } from './open-service.js'

t.test('the access cookie is read only with the option, and only without an Authorization header', async t => {
  const { user, verifier, forger } = await openService(t)
  const cookie = `other=1; access=${user.accessToken}; accessed=2`
  for (const [name, start] of Object.entries(frameworks)) {
    await t.test(name, async t => {
      const withCookie = await start(t, verifier, { cookie: 'access' })
      t.match(await withCookie('/me', { cookie }), { status: 200, body: { userId: user.userId } })
      t.match(await withCookie('/me', { cookie, authorization: 'Bearer a.b.c' }), { status: 401 })
      t.match(await withCookie('/me', { cookie: `accessed=${user.accessToken}` }), {
        status: 401,
        body: { code: 'authentication_required' },
      })
      const withHeader = await start(t, verifier, {})
      t.match(await withHeader('/me', { cookie }), { status: 401, body: { code: 'authentication_required' } })

      const older = forger.token({}, { iat: Math.floor(Date.now() / 1000) - 60, sub: 'an older token' })
      for (const values of [
        [older, user.accessToken, 'a.b.c'],
        ['a.b.c', user.accessToken, older],
      ]) {
        const several = values.map(value => `access=${value}`).join('; ')
        t.match(await withCookie('/me', { cookie: several }), { status: 200, body: { userId: user.userId } })
      }
      t.match(await withCookie('/me', { cookie: 'access=a.b.c; access=d.e.f' }), {
        status: 401,
        body: { code: 'token_invalid' },
      })
    })
  }
})

const OWN = 'http://service.test'
const APP = 'https://app.example.com'

t.test('pages of other sites cannot change anything with the cookie, and cannot open a WebSocket', async t => {
  const { user, verifier } = await openService(t)
  const cookie = { host: 'service.test', cookie: `access=${user.accessToken}` }
  const upgrade = { connection: 'upgrade', upgrade: 'websocket' }
  const admitted: [what: string, method: string, headers: Record<string, string>][] = [
    ['a client that is not a browser', 'POST', {}],
    ['a page of this origin', 'POST', { origin: OWN, 'sec-fetch-site': 'same-origin' }],
    ['a page of this origin, by an old browser or over http', 'POST', { origin: OWN }],
    ['a link on another site', 'GET', { 'sec-fetch-site': 'cross-site' }],
    ['a WebSocket of this origin', 'GET', { ...upgrade, origin: OWN }],
  ]
  const refused: typeof admitted = [
    ['another site', 'POST', { origin: 'https://other.example', 'sec-fetch-site': 'cross-site' }],
    ['another site, by an old browser', 'POST', { origin: 'https://other.example' }],
    ['another subdomain', 'POST', { origin: 'http://www.service.test', 'sec-fetch-site': 'same-site' }],
    ['another port', 'POST', { origin: 'http://service.test:81' }],
    ['a host that begins alike', 'POST', { origin: 'http://service.test.other.example' }],
    ['a sandboxed page', 'POST', { origin: 'null' }],
    ['the address bar', 'POST', { 'sec-fetch-site': 'none' }],
    ['an unknown method', 'PURGE', { origin: 'https://other.example' }],
    ['a WebSocket of another site', 'GET', { ...upgrade, origin: 'https://other.example' }],
  ]
  for (const [name, start] of Object.entries(frameworks)) {
    await t.test(name, async t => {
      const send = await start(t, verifier, { cookie: 'access' })
      for (const [what, method, headers] of admitted)
        t.equal((await send('/me', { ...cookie, ...headers }, method)).status, 200, what)
      for (const [what, method, headers] of refused) {
        // Fastify has no route for this method.
        if (method === 'PURGE' && name.startsWith('Fastify')) continue
        const { status, body } = await send('/me', { ...cookie, ...headers }, method)
        t.match({ status, body }, { status: 403, body: { code: 'cross_site_request' } }, what)
      }
      const [, , crossSite] = refused[0]!
      const header = { authorization: `Bearer ${user.accessToken}` }
      t.equal((await send('/me', { ...cookie, ...crossSite, ...header }, 'POST')).status, 200, 'a token in the header')
      t.match(await send('/me', crossSite, 'POST'), { status: 401 }, 'no cookie')
    })
  }
})

t.test('with origins, only their pages can change anything with the cookie', async t => {
  const { user, verifier } = await openService(t)
  const cookie = { host: 'service.test', cookie: `access=${user.accessToken}` }
  for (const [name, start] of Object.entries(frameworks)) {
    const send = await start(t, verifier, { cookie: 'access', origins: [APP] })
    const statusFrom = async (headers: Record<string, string>) =>
      (await send('/me', { ...cookie, ...headers }, 'POST')).status
    t.equal(await statusFrom({ origin: APP, 'sec-fetch-site': 'cross-site' }), 200, name)
    t.equal(await statusFrom({ origin: APP }), 200, name)
    t.equal(await statusFrom({ 'sec-fetch-site': 'same-origin' }), 200, name)
    t.equal(await statusFrom({ origin: OWN }), 403, name)
    t.equal(await statusFrom({ origin: `${APP}.other.example` }), 403, name)
  }
})

t.test('a renewed token is used, its cookies are passed on, and no cache keeps them', async t => {
  const { user, verifier, forger } = await openService(t)
  const setCookies = ['access=new; Path=/; HttpOnly', 'refresh=next; Path=/; HttpOnly']
  const asked: unknown[] = []
  const renew: Renew = async ({ headers }) => {
    asked.push(headers.cookie)
    if (String(headers.cookie).includes('refresh=over')) return { setCookies: ['refresh=; Max-Age=0'] }
    return String(headers.cookie).includes('refresh=') ? { accessToken: user.accessToken, setCookies } : undefined
  }
  const second = Math.floor(Date.now() / 1000)
  const expired = `access=${forger.token({}, { iat: second - 200, exp: second - 100 })}`
  const admitted = { status: 200, headers: { 'set-cookie': setCookies, 'cache-control': 'no-store' } }
  for (const [name, start] of Object.entries(frameworks)) {
    await t.test(name, async t => {
      const send = await start(t, verifier, { cookie: 'access', renew })
      for (const cookie of [`${expired}; refresh=1`, 'refresh=1', 'access=a.b.c; refresh=1'])
        t.match(await send('/me', { cookie }), { ...admitted, body: { userId: user.userId } }, cookie.slice(0, 20))
      t.match(await send('/editors', { cookie: `${expired}; refresh=1` }), { ...admitted, status: 403 })

      const over = await send('/me', { cookie: `${expired}; refresh=over` })
      t.match(over, {
        status: 401,
        body: { code: 'token_expired' },
        headers: { 'set-cookie': ['refresh=; Max-Age=0'] },
      })
      t.match(await send('/open', { cookie: `${expired}; refresh=over` }), { status: 200, body: { userId: undefined } })
      t.match(await send('/me', { cookie: expired }), { status: 401, body: { code: 'token_expired' } })

      asked.length = 0
      t.equal((await send('/me', { cookie: `access=${user.accessToken}; refresh=1` })).status, 200)
      t.equal((await send('/me', { authorization: 'Bearer a.b.c', cookie: 'refresh=1' })).status, 401)
      const crossSite = { host: 'service.test', origin: 'https://other.example', cookie: `${expired}; refresh=1` }
      t.equal((await send('/me', crossSite, 'POST')).status, 403)
      t.same(asked, [], 'a valid cookie, a header and another site renew nothing')
    })
  }
})

t.test('a second guard of a request uses the token that the first one has got', async t => {
  const { user, verifier } = await openService(t)
  let renewals = 0
  const app = Fastify()
  t.teardown(() => app.close())
  const renew: Renew = async () => {
    renewals++
    return { accessToken: user.accessToken, setCookies: ['refresh=next'] }
  }
  await app.register(latchkey, { verifier, cookie: 'access', renew })
  app.get('/', { onRequest: authenticate, preHandler: requireRecentAuth(300) }, async r => r.principal.userId)
  const answer = await app.inject({ url: '/', headers: { cookie: 'access=a.b.c; refresh=1' } })
  t.equal(answer.body, user.userId)
  t.equal(renewals, 1)
  t.equal(answer.headers['set-cookie'], 'refresh=next')
})

t.test('after a sign-out nothing is renewed', async t => {
  const { user, verifier } = await openService(t)
  const signedOut = verifierThat(verifier, { verify: () => Promise.reject(new VerifierError('token_revoked')) })
  const renew: Renew = async () => t.fail('renewed') as never
  for (const start of Object.values(frameworks)) {
    const send = await start(t, signedOut, { cookie: 'access', renew })
    const answer = await send('/me', { cookie: `access=${user.accessToken}; refresh=1` })
    t.match(answer, { status: 401, body: { code: 'token_revoked' } })
  }
})

t.test('when renewing fails the request is answered, and the process goes on', async t => {
  const { user, verifier } = await openService(t)
  const unavailable = new VerifierError('keys_unavailable')
  const failures: Record<string, [Renew, number]> = {
    'Latchkey is away': [() => Promise.reject(unavailable), 503],
    'a defect': [() => Promise.reject(new Error('a defect')), 500],
    'a cookie that no header can contain': [
      async () => ({ accessToken: user.accessToken, setCookies: ['refresh=a\nb'] }),
      500,
    ],
  }
  for (const [name, start] of Object.entries(frameworks)) {
    for (const [what, [renew, status]] of Object.entries(failures)) {
      const send = await start(t, verifier, { cookie: 'access', renew })
      const answer = send('/me', { cookie: 'refresh=1' })
      // A fetch-style framework answers what its handler throws.
      if (name === 'a fetch handler' && status === 500) await t.rejects(answer, what)
      else t.equal((await answer).status, status, `${what}, with ${name}`)
    }
  }
})
