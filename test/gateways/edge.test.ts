import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { edgeEnv, startEdge } from '../support/edge-process.js'
import { until } from '../support/eventually.js'
import { findFreePort } from '../support/free-port.js'
import { deployedConfiguration } from '../support/gateways/deployed-configuration.js'
import { startEchoService } from '../support/gateways/echo-service.js'
import { overWebSocket } from '../support/gateways/over-web-socket.js'
import { startGateway } from '../support/gateways/start-gateway.js'
import { HttpClient } from '../support/http-client.js'
import { startToyIssuer } from '../verifier/toy-issuer.js'

// Real gateways before `latchkey edge`, as deploy/gateways configures them.

const page = readFileSync(new URL('../../docs/edge.md', import.meta.url), 'utf8')
const RULES = /^```yaml\n(rules:.*?)^```/ms.exec(page)![1]!
const orders = await startEchoService(t)

const FORGED = {
  'x-auth-subject': 'root',
  'X-AUTH-SESSION': 'forged',
  'x-auth-roles': 'admin',
  x_auth_roles: 'admin',
  'X-Auth_Subject': 'root',
  'x_Auth-Session': 'forged',
  'X.Auth.Roles': 'admin',
  'x-auth-user': 'root',
}
const DESCRIBED = {
  'x-original-uri': '/assets/a',
  'x-original-method': 'OPTIONS',
  'x-forwarded-uri': '/assets/a',
  'x-forwarded-method': 'OPTIONS',
}

for (const name of ['nginx', 'caddy', 'haproxy'] as const) {
  t.test(`${name} before latchkey edge, as in deploy/gateways`, async t => {
    const toy = await startToyIssuer(t)
    const env = { ...edgeEnv(toy), EDGE_GATEWAY: name, EDGE_RULES: RULES, EDGE_ACCESS_COOKIE: '__Host-latchkey-at' }
    const edge = await startEdge(t, env)
    const listen = await findFreePort()
    const addresses = { listen, latchkey: [toy.port, toy.port], edge: [edge.port, edge.port], orders } as const
    const client = new HttpClient(await startGateway(t, name, await deployedConfiguration(t, name, addresses), listen))
    t.teardown(() => client.close())
    const token = toy.token({ sub: 'ada', sid: 'a-session', roles: ['support'] })
    const ask = (headers: Record<string, string>, path = '/orders/1', method = 'GET', body = '') =>
      client.send(method, path, headers, body)
    const bearer = (of = token) => ({ authorization: `Bearer ${of}` })
    /** The values of every header that a service could take for one of ours, except empty ones. */
    const identity = ({ body }: { body: { headers: Record<string, string> } }) =>
      Object.entries(body.headers)
        .filter(([header, value]) => /^x\W?_?auth/.test(header) && value !== '')
        .sort()
        .map(([header, value]) => `${header}: ${value}`)

    t.test('the service gets the identity of the token, not what the client sends', async t => {
      const answer = await ask({ ...bearer(), ...FORGED })
      t.equal(answer.status, 200)
      t.same(identity(answer), ['x-auth-roles: support', 'x-auth-session: a-session', 'x-auth-subject: ada'])
      t.same(identity(await ask({ ...bearer(toy.token({ sub: 'bob', sid: 's', roles: [] })), ...FORGED })), [
        'x-auth-session: s',
        'x-auth-subject: bob',
      ])
      t.same(identity(await ask(FORGED, '/assets/app.js')), [], 'nobody on a public route')
    })

    t.test('the rules apply to the path and the method that the client requests', async t => {
      t.equal((await ask({})).status, 401)
      t.equal((await ask(DESCRIBED)).status, 401, 'headers of the client do not describe its request')
      t.equal((await ask(bearer(), '/admin/users')).status, 200)
      t.equal((await ask(bearer(toy.token()), '/admin/users')).status, 403)
      t.equal((await ask({}, '/assets/a.js?next=/admin')).status, 200)
      for (const path of ['/assets/%2e%2e/admin', '/assets/..%2fadmin', '/Admin', '//admin', '/assets/..;/admin'])
        t.match((await ask(bearer(toy.token()), path)).status, /^40[013]$/, path)
      const old = toy.token({ auth_time: Math.floor(Date.now() / 1000) - 400 })
      t.equal((await ask(bearer(old), '/payments/1')).status, 200)
      t.equal((await ask(bearer(old), '/payments/1', 'DELETE')).status, 401)
      const preflight = { origin: 'https://app.example.com', 'access-control-request-method': 'PUT' }
      const passed = await ask({ ...preflight, ...FORGED }, '/api/orders', 'OPTIONS')
      t.equal(passed.status, 200)
      t.same(identity(passed), [])
      t.equal((await ask(preflight, '/orders', 'OPTIONS')).status, 401)
    })

    t.test('every method reaches the service with its body and its path', async t => {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const body = randomBytes(50_000).toString('hex')
        const headers = { ...bearer(), 'content-type': 'text/plain', 'content-length': String(body.length) }
        const answer = await ask(headers, '/orders/a%20b?page=2', method, body)
        t.match(answer, { status: 200, body: { method, url: '/orders/a%20b?page=2' } }, method)
        t.equal(answer.body.body, body)
      }
      t.match(await ask(bearer(), '/orders/1', 'HEAD'), { status: 200, body: '' })
      t.match(await ask({}, '/orders/1', 'HEAD'), { status: 401, body: '' })
      t.equal((await ask(bearer(), '/orders/1')).status, 200, 'the connection is usable after a HEAD')
      const many = Array.from({ length: 10 }, (_, i) => `other${i}=${'x'.repeat(1500)}`).join('; ')
      t.ok((await ask({ ...bearer(), cookie: many })).body.headers?.cookie === many, '15 KB of cookies')
    })

    t.test('a WebSocket is opened with a token and refused without', async t => {
      const opened = await overWebSocket(`${client.url}/orders/live`, { ...bearer(), ...FORGED })
      t.ok(Array.isArray(opened) && opened[1] === 'hello', `${opened}`)
      t.same(identity({ body: JSON.parse((opened as string[])[0]!) }), [
        'x-auth-roles: support',
        'x-auth-session: a-session',
        'x-auth-subject: ada',
      ])
      t.equal(await overWebSocket(`${client.url}/orders/live`, FORGED), 401)
    })

    t.test('a refusal has its problem details, and a hint to refresh reaches the client', async t => {
      const refused = await ask({})
      t.match(refused.headers, { 'content-type': /^application\/problem\+json/, 'www-authenticate': 'Bearer' })
      t.match(refused.body, { code: 'authentication_required' })
      t.match((await ask({ ...bearer('x'), 'content-length': '3' }, '/orders', 'POST', 'abc')).body, {
        code: 'token_invalid',
      })
      t.match((await ask(bearer(toy.token()), '/admin')).body, { status: 403, code: 'insufficient_role' })
      t.match((await ask({}, '/auth/verify')).body, { status: 401 }, 'a path of the client is never that of the edge')

      const now = Math.floor(Date.now() / 1000)
      const { status, headers } = await ask(bearer(toy.token({ iat: now - 800, exp: now + 100 })))
      t.equal(status, 200)
      t.equal(headers['x-token-refresh-required'], 'true')
      t.notOk('x-token-refresh-required' in (await ask(bearer())).headers)
    })

    t.test('the refresh cookie never reaches the service, and the access cookie counts', async t => {
      const at = `__Host-latchkey-at=${token}`
      const cookieOf = async (cookie: string) => {
        const { status, body } = await ask({ cookie })
        t.equal(status, 200)
        return (body.headers.cookie ?? '').replaceAll(' ', '').replace(/;$/, '')
      }
      t.equal(
        await cookieOf(`a=1; __Host-latchkey=refresh-1; b=2; __Host-latchkey-0af=refresh-2; ${at}`),
        `a=1;b=2;${at}`,
      )
      t.notMatch(await cookieOf(`__Host-latchkey=refresh-1; ${at}; __Host-latchkey-000=refresh-2`), 'refresh')
      t.equal(await cookieOf(`__Host-latchkey-ticket=t; ${at}; __Host-latchkey-device=d`), at)
      t.equal(
        await cookieOf(`my__Host-latchkey=1; ${at}; __Host-latchkeys=2`),
        `my__Host-latchkey=1;${at};__Host-latchkeys=2`,
      )
      const slots = ['000', '00f', '0f0', 'fff', 'abc'].map(slot => `__Host-latchkey-${slot}=refresh`)
      t.notMatch(await cookieOf(`${slots.join('; ')}; ${at}; ${slots.join(';')}`), 'refresh')
      t.equal(await cookieOf(at), at)
      const foreign = { cookie: at, 'sec-fetch-site': 'cross-site', 'content-length': '0' }
      t.equal((await ask(foreign, '/orders', 'POST')).status, 403)
    })

    t.test('a revoked token is refused, and an outage of Latchkey changes nothing', async t => {
      const sid = 'aaaaaaaa-0000-4000-8000-000000000004'
      const gone = toy.token({ sid })
      t.equal((await ask(bearer(gone))).status, 200)
      const exp = Math.floor(Date.now() / 1000) + 900
      for (const stream of toy.streams) stream.entries({ kind: 'session', sid, exp, reason: 'logout' })
      await until(async () => (await ask(bearer(gone))).status === 401)
      await toy.stop()
      for (let count = 0; count < 20; count++) {
        t.equal((await ask(bearer())).status, 200)
        t.equal((await ask(bearer(gone))).status, 401)
      }
    })
  })
}
