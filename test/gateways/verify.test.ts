import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { deployedConfiguration } from '../support/gateways/deployed-configuration.js'
import { type Arrived, startEchoService } from '../support/gateways/echo-service.js'
import { overWebSocket } from '../support/gateways/over-web-socket.js'
import { type GatewayName, startGateway } from '../support/gateways/start-gateway.js'
import { HttpClient } from '../support/http-client.js'
import { type Person, post, refresh, signUp } from '../support/people.js'
import { listen } from '../support/raw-request.js'

// Real gateways that ask Latchkey before they forward a request: deploy/gateways without `latchkey edge`.

const { app, config, database } = await buildTestApp(t, { ACCESS_COOKIE: 'on', VERIFY_PREFLIGHTS: 'forwarded' })
const latchkey = await listen(app)
const orders = await startEchoService(t)
const reader = await signUp(app)
const editor = await withRole(await signUp(app), 'editor')
const gone = await withRole(await signUp(app), 'editor')
await post(app, '/auth/logout', { refresh_token: gone.refreshToken })

const FORGED = { 'x-auth-subject': 'root', 'x-auth-session': 'forged', 'x-auth-roles': 'admin', x_auth_roles: 'admin' }

for (const name of ['nginx', 'haproxy', 'caddy'] as const) {
  t.test(`${name} protects a service when it asks Latchkey itself`, async t => {
    const { client, openClient } = await startBoth(t, name)
    const ask = (headers: Record<string, string>, method = 'GET', path = '/orders/1', body = '') =>
      client.send(method, path, headers, body)

    t.test('the service gets the identity headers of the token, not those that the client sends', async t => {
      const { status, body } = await ask({ ...bearer(editor), ...FORGED })
      t.equal(status, 200)
      t.match(body.headers, { 'x-auth-subject': editor.userId, 'x-auth-session': editor.sessionId })
      t.equal(body.headers['x-auth-roles'], 'editor')
      t.notOk('x_auth_roles' in body.headers, 'not with underscores either, which some services treat as the same name')
    })

    t.test('a user without roles cannot forge the roles header', async t => {
      const { status, body } = await openClient.send('GET', '/orders/1', { ...bearer(reader), ...FORGED })
      t.match({ status, subject: body.headers['x-auth-subject'] }, { status: 200, subject: reader.userId })
      t.equal(body.headers['x-auth-roles'] ?? '', '')
    })

    t.test('a request with a missing or revoked token or a missing role does not reach the service', async t => {
      t.equal((await ask({})).status, 401)
      t.equal((await ask(FORGED)).status, 401)
      t.equal((await ask(bearer(gone))).status, 401, 'a revoked token')
      t.equal((await ask(bearer(reader))).status, 403, 'another role')
    })

    t.test('every method reaches the service with its body', async t => {
      const json = '{"wanted":"eggs"}'
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        const body = ['GET', 'OPTIONS'].includes(method) ? '' : json
        const type = { 'content-type': 'application/json', 'content-length': String(body.length) }
        const answer = await ask({ ...bearer(editor), ...(body !== '' && type) }, method, '/orders/1', body)
        t.match(answer, { status: 200, body: { method, body } }, method)
        t.equal((await ask(body === '' ? {} : type, method, '/orders/1', body)).status, 401, `${method} alone`)
      }
      const large = randomBytes(100_000).toString('hex')
      const chunked = { ...bearer(editor), 'content-type': 'text/plain', 'transfer-encoding': 'chunked' }
      t.equal((await ask(chunked, 'POST', '/orders/', large)).body.body, large)
    })

    t.test('the path and query of a client do not change what the gateway asks Latchkey', async t => {
      for (const path of [
        '?page=2',
        '?role=nobody',
        '?a=%zz',
        'a%2Fb%20c/%E2%82%AC;x=1',
        '%ff?x=%ff',
        '/auth/verify',
      ]) {
        const { status, body } = await ask(bearer(editor), 'GET', `/orders/${path}`)
        t.match({ status, url: (body as Arrived).url }, { status: 200, url: `/orders/${path}` }, path)
      }
      t.equal((await ask(bearer(reader), 'GET', '/orders/?role=')).status, 403)
    })

    t.test('a request with 20 KB of other cookies reaches the service', async t => {
      const cookie = Array.from({ length: 10 }, (_, i) => `other${i}=${'x'.repeat(2000)}`).join('; ')
      const { status, body } = await ask({ ...bearer(editor), cookie })
      t.match({ status, subject: body.headers?.['x-auth-subject'] }, { status: 200, subject: editor.userId })
    })

    t.test('the access cookie of a browser authenticates it', async t => {
      const cookie = `theme=dark; ${config.cookie.accessName}=${editor.accessToken}`
      t.match(await ask({ cookie }), { status: 200, body: { headers: { 'x-auth-subject': editor.userId } } })
      t.equal((await ask({ cookie: `${config.cookie.accessName}=${gone.accessToken}` })).status, 401)
    })

    t.test('a WebSocket upgrade request needs a valid token', async t => {
      t.match(await overWebSocket(client.url, bearer(editor)), [/"method":"GET"/, 'hello'])
      t.equal(await overWebSocket(client.url, {}), 401)
    })

    t.test('a CORS preflight reaches the service without identity headers, but a forged one does not', async t => {
      const preflight = { origin: 'https://app.example.com', 'access-control-request-method': 'PUT' }
      const { status, body } = await ask({ ...preflight, ...FORGED }, 'OPTIONS')
      t.equal(status, 200)
      for (const header of ['x-auth-subject', 'x-auth-session', 'x-auth-roles'])
        t.equal(body.headers[header] ?? '', '', header)
      t.equal((await ask(preflight, 'GET')).status, 401)
      t.equal((await ask({ ...preflight, 'x-forwarded-method': 'OPTIONS' }, 'GET')).status, 401)
    })
  })
}

/** The gateway that requires the role `editor`, as the comments in its configuration say, and the same without a role. */
async function startBoth(t: Test, name: GatewayName) {
  const clients = [true, false].map(async asksForRole => {
    const listen = await findFreePort()
    const change = asksForRole ? withRoleEditor : (text: string) => text
    const addresses = { listen, latchkey: [latchkey, latchkey], orders, change } as const
    const client = new HttpClient(await startGateway(t, name, await deployedConfiguration(t, name, addresses), listen))
    t.teardown(() => client.close())
    return client
  })
  const [client, openClient] = await Promise.all(clients)
  return { client: client!, openClient: openClient! }
}

function withRoleEditor(text: string): string {
  return text
    .replace('rewrite /auth/verify/\n', 'rewrite /auth/verify-role/editor/\n')
    .replace(/(http:\/\/(edge|127.0.0.1:3100)\/auth\/verify)(?=[;"])/, '$1?role=editor')
    .replace('rewrite ^ /auth/verify? break', 'rewrite ^ /auth/verify?role=editor? break')
}

function bearer({ accessToken }: Person): { authorization: string } {
  return { authorization: `Bearer ${accessToken}` }
}

async function withRole(person: Person, role: string): Promise<Person> {
  await database.admin`update users set roles = ${[role]} where id = ${person.userId}`
  const { access_token, refresh_token } = (await refresh(app, person.refreshToken)).json()
  return { ...person, accessToken: access_token, refreshToken: refresh_token }
}
