import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildToyApp } from '../support/toy-app.js'

const routes = (app: FastifyInstance) => {
  app.get('/set', async (_request, reply) =>
    reply.setRefreshCookie('a.b-c_d', 604_800).setAccessCookie('e.f.g', 900).send(),
  )
  app.get('/set-session', async (_request, reply) => reply.setRefreshCookie('a', undefined).send())
  app.get('/set-large', async (_request, reply) => reply.setRefreshCookie('a'.repeat(4096), 60).send())
  app.get('/set-large-access', async (_request, reply) => reply.setAccessCookie('a'.repeat(4096), 60).send())
  app.get('/clear', async (_request, reply) => reply.clearRefreshCookie().clearAccessCookie().send())
  app.get('/read', async request => ({ refresh: request.refreshCookies()[0], access: request.accessCookies()[0] }))
}

const attributesOf = (header: string) => header.split('; ').slice(1).sort()
const setCookies = (answer: { headers: { 'set-cookie'?: string | string[] | undefined } }) =>
  [answer.headers['set-cookie'] ?? []].flat()

t.test('the refresh cookie is bound to the host and not available to scripts or other sites', async t => {
  const { app } = await buildToyApp(t, { routes })
  const [named, slot] = setCookies(await app.inject('/set'))
  const attributes = 'Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Strict'
  t.equal(named, `__Host-latchkey=a.b-c_d; ${attributes}`)
  t.match(slot, /^__Host-latchkey-000=a\.b-c_d\.[\w-]{6}; /)
  t.equal(slot!.slice(slot!.indexOf(' ') + 1), attributes)
})

t.test('a refresh cookie without Max-Age is a session cookie', async t => {
  const { app } = await buildToyApp(t, { routes })
  const [named, slot] = setCookies(await app.inject('/set-session'))
  t.equal(named, '__Host-latchkey=a; Path=/; HttpOnly; Secure; SameSite=Strict')
  t.same(attributesOf(slot!), attributesOf(named!))
})

t.test('a cookie is cleared with the attributes with which it was set, because browsers require it', async t => {
  const cookie = { name: '__Secure-latchkey', domain: 'example.com', path: '/auth', sameSite: 'lax' as const }
  for (const options of [{}, { cookie }]) {
    const { app } = await buildToyApp(t, { routes, ...options })
    const [set = ''] = setCookies(await app.inject('/set-session'))
    const [cleared = ''] = setCookies(await app.inject('/clear'))
    t.match(cleared, /^[\w-]+=;/)
    t.same(attributesOf(cleared), [...attributesOf(set), 'Max-Age=0', 'Expires=Thu, 01 Jan 1970 00:00:00 GMT'].sort())
  }
})

t.test('the operator can change the name, domain, path, SameSite and Secure of the refresh cookie', async t => {
  const cookie = { name: 'latchkey', domain: 'example.com', path: '/auth', sameSite: 'none' as const, secure: false }
  const { app } = await buildToyApp(t, { routes, cookie })
  const [named, slot] = setCookies(await app.inject('/set-session'))
  t.equal(named, 'latchkey=a; Domain=example.com; Path=/auth; HttpOnly; SameSite=None')
  t.same(attributesOf(slot!), attributesOf(named!))
})

t.test('the access cookie is SameSite=Lax and is set only if enabled', async t => {
  const { app } = await buildToyApp(t, { routes, cookie: { access: true } })
  t.equal(
    setCookies(await app.inject('/set'))[2],
    '__Host-latchkey-at=e.f.g; Max-Age=900; Path=/; HttpOnly; Secure; SameSite=Lax',
  )
  t.equal(setCookies(await app.inject('/clear')).length, 2)
})

t.test('a request’s refresh and access cookies are read, the access cookie only if enabled', async t => {
  const headers = { cookie: '__Host-latchkey=a; __Host-latchkey-at=b; other=c' }
  const off = await buildToyApp(t, { routes })
  t.same((await off.app.inject({ url: '/read', headers })).json(), { refresh: 'a' })
  const on = await buildToyApp(t, { routes, cookie: { access: true } })
  t.same((await on.app.inject({ url: '/read', headers })).json(), { refresh: 'a', access: 'b' })
  t.same((await on.app.inject('/read')).json(), {})
})

t.test('a refresh cookie that is too large for browsers is an internal error and is not sent', async t => {
  const { app } = await buildToyApp(t, { routes, cookie: { access: true } })
  const answer = await app.inject('/set-large')
  t.equal(answer.statusCode, 500)
  t.same(setCookies(answer), [])
})

t.test('an access token that is too long for a cookie clears the previous cookie and is no error', async t => {
  const { app } = await buildToyApp(t, { routes, cookie: { access: true } })
  const answer = await app.inject('/set-large-access')
  t.equal(answer.statusCode, 200)
  t.match(setCookies(answer), [/^__Host-latchkey-at=; Max-Age=0; /])
})

t.test('a response clears the slot cookies of the request except the one that it sets', async t => {
  const app = (await buildToyApp(t, { routes })).app
  const headers = { cookie: '__Host-latchkey=a; __Host-latchkey-000=a.AAAAAA; __Host-latchkey-0a7=b.AAAAAB' }
  const set = setCookies(await app.inject({ url: '/set-session', headers }))
  t.equal(
    set[1],
    '__Host-latchkey-000=a.AAAAAA; Path=/; HttpOnly; Secure; SameSite=Strict',
    'a token keeps its mark and its slot',
  )
  t.same(set.map(header => header.split('=')[0]).sort(), [
    '__Host-latchkey',
    '__Host-latchkey-000',
    '__Host-latchkey-0a7',
  ])
  t.match(set[2], /^__Host-latchkey-0a7=; Max-Age=0; /)
  const cleared = setCookies(await app.inject({ url: '/clear', headers })).map(header => header.split(';')[0])
  t.same(cleared.sort(), ['__Host-latchkey-000=', '__Host-latchkey-0a7=', '__Host-latchkey='])
})

t.test('a response that sets or clears the refresh cookie clears the ticket cookie if the request had one', async t => {
  const app = (await buildToyApp(t, { routes })).app
  const headers = { cookie: '__Host-latchkey-ticket=b' }
  for (const url of ['/set', '/clear']) {
    t.ok(setCookies(await app.inject({ url, headers })).some(header => header.startsWith('__Host-latchkey-ticket=;')))
    t.notOk(setCookies(await app.inject(url)).some(header => header.startsWith('__Host-latchkey-ticket')))
  }
})

t.test('every response that sets a refresh cookie uses a new mark', async t => {
  const app = (await buildToyApp(t, { routes })).app
  const slots = await Promise.all(
    Array.from({ length: 20 }, async () => setCookies(await app.inject('/set'))[1]!.split(';')[0]!),
  )
  t.equal(new Set(slots).size, 20)
})

t.test('at most 32 slot cookies of a request are read', async t => {
  const routes = (app: FastifyInstance) => {
    app.get('/slots', async request => ({
      read: request.refreshSlots().length,
      tokens: request.refreshCookies().length,
    }))
  }
  const { app } = await buildToyApp(t, { routes })
  const cookie = Array.from(
    { length: 1000 },
    (_, n) => `__Host-latchkey-${n.toString(16).padStart(3, '0')}=t${n}.AAAAAA`,
  ).join('; ')
  t.strictSame((await app.inject({ url: '/slots', headers: { cookie } })).json(), { read: 32, tokens: 32 })
})
