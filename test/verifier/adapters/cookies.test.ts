import t from 'tap'
import { frameworks } from './frameworks.js'
import { openService } from './open-service.js'

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
