import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { edgeEnv, startEdge } from '../support/edge-process.js'
import { until } from '../support/eventually.js'
import { findFreePort } from '../support/free-port.js'
import { startEchoService } from '../support/gateways/echo-service.js'
import { type GatewayName, startGateway } from '../support/gateways/start-gateway.js'
import { HttpClient } from '../support/http-client.js'
import { startToyIssuer } from '../verifier/toy-issuer.js'

// Real gateways before `latchkey edge`, configured as in docs/edge.md.

const page = readFileSync(new URL('../../docs/edge.md', import.meta.url), 'utf8')
const RULES = /^```yaml\n(rules:.*?)^```/ms.exec(page)![1]!
const orders = await startEchoService(t)

const FORGED = { 'x-auth-subject': 'root', 'x-auth-session': 'forged', 'x-auth-roles': 'admin', x_auth_roles: 'admin' }
const DESCRIBED = {
  'x-original-uri': '/assets/a',
  'x-original-method': 'OPTIONS',
  'x-forwarded-uri': '/assets/a',
  'x-forwarded-method': 'OPTIONS',
}

for (const name of ['nginx', 'caddy', 'haproxy'] as const) {
  t.test(`${name} before latchkey edge, as in docs/edge.md`, async t => {
    const toy = await startToyIssuer(t)
    const env = { ...edgeEnv(toy), EDGE_GATEWAY: name, EDGE_RULES: RULES, EDGE_ACCESS_COOKIE: '__Host-latchkey-at' }
    const edge = await startEdge(t, env)
    const client = await startDocumented(t, name, edge.port)
    const token = toy.token({ sub: 'ada', sid: 'a-session', roles: ['support'] })
    const ask = (headers: Record<string, string>, path = '/orders/1', method = 'GET', body = '') =>
      client.send(method, path, headers, body)
    const bearer = (of = token) => ({ authorization: `Bearer ${of}` })
    const identity = ({ body }: { body: { headers: Record<string, string> } }) =>
      ['x-auth-subject', 'x-auth-session', 'x-auth-roles', 'x_auth_roles'].map(header => body.headers[header] ?? '')

    t.test('the service gets the identity of the token, not what the client sends', async t => {
      const answer = await ask({ ...bearer(), ...FORGED })
      t.equal(answer.status, 200)
      t.same(identity(answer), ['ada', 'a-session', 'support', ''])
      t.same(identity(await ask({ ...bearer(toy.token({ sub: 'bob', sid: 's', roles: [] })), ...FORGED })), [
        'bob',
        's',
        '',
        '',
      ])
      t.same(identity(await ask(FORGED, '/assets/app.js')), ['', '', '', ''], 'nobody on a public route')
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
      t.same(identity(passed), ['', '', '', ''])
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
      const upgrade = {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
      }
      t.equal((await ask({ ...bearer(), ...upgrade })).status, 200)
      t.equal((await ask(upgrade)).status, 401)
      const many = Array.from({ length: 10 }, (_, i) => `other${i}=${'x'.repeat(1500)}`).join('; ')
      t.ok((await ask({ ...bearer(), cookie: many })).body.headers?.cookie === many, '15 KB of cookies')
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

async function startDocumented(t: Test, name: GatewayName, edge: number): Promise<HttpClient> {
  const port = await findFreePort()
  const replace = (text: string) =>
    text
      .replace(/^( *listen )80;/m, `$1127.0.0.1:${port};`)
      .replace(/^( *bind ):80$/m, `$1127.0.0.1:${port}`)
      .replace(/^:80 /m, `http://127.0.0.1:${port} `)
      .replaceAll('edge:3001', `127.0.0.1:${edge}`)
      .replaceAll('orders:8000', `127.0.0.1:${orders}`)
  const lua = join(t.testdir(), 'edge.lua')
  await writeFile(lua, replace(blockOf('lua')))
  const configuration = replace(blockOf(name)).replace('/etc/haproxy/edge.lua', lua)
  const client = new HttpClient(await startGateway(t, name, configuration, port))
  t.teardown(() => client.close())
  return client
}

function blockOf(language: string): string {
  const block = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(page)?.[1]
  if (block === undefined) throw new Error(`docs/edge.md has no block of ${language}.`)
  return block
}
