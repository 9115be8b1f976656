import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { deployedConfiguration } from '../support/gateways/deployed-configuration.js'
import { type GatewayName, startGateway } from '../support/gateways/start-gateway.js'
import { type Answer, HttpClient } from '../support/http-client.js'
import { PASSWORD } from '../support/people.js'
import { listen } from '../support/raw-request.js'

// Latchkey behind real gateways, as deploy/gateways configures them.

const { app, config } = await buildTestApp(t, { TRUST_PROXY: '127.0.0.1' })
const latchkey = await listen(app)
let connections = 0
app.server.on('connection', () => connections++)
const json = { 'content-type': 'application/json', origin: config.publicOrigin }

for (const name of ['nginx', 'haproxy', 'caddy'] as const) {
  t.test(`a browser behind ${name} can register, refresh, list its sessions and log out`, async t => {
    const client = await browserBehind(t, name)
    const credentials = JSON.stringify({ email: `${randomBytes(6).toString('hex')}@example.com`, password: PASSWORD })
    const registered = await client.send('POST', '/auth/register', json, credentials)
    t.equal(registered.status, 201)

    const others = Array.from({ length: 10 }, (_, i) => `other${i}=${'x'.repeat(2000)}`).join('; ')
    const cookie = `${others}; ${cookiesOf(registered)}`
    const refreshed = await client.send('POST', '/auth/refresh', { ...json, cookie })
    t.equal(refreshed.status, 200, 'a refresh with 20 KB of other cookies')

    const forged = { 'x-forwarded-for': '203.0.113.9', authorization: `Bearer ${refreshed.body.access_token}` }
    const [session] = (await client.send('GET', '/auth/sessions', forged)).body
    t.equal(session.ip, '127.0.0.2', 'the session has the real address, not the one in a forged header')

    const before = connections
    for (let i = 0; i < 20; i++) await client.get('/auth/verify', refreshed.body.access_token)
    t.ok(connections - before <= 2, `${connections - before} new connections for 20 requests`)
    const loggedOut = await client.send('POST', '/auth/logout', {
      origin: config.publicOrigin,
      cookie: cookiesOf(refreshed),
    })
    t.equal(loggedOut.status, 204)
    t.equal((await client.get('/auth/verify', refreshed.body.access_token)).status, 401)
  })
}

async function browserBehind(t: Test, name: GatewayName): Promise<HttpClient> {
  const port = await findFreePort()
  const addresses = { listen: port, latchkey: [latchkey, latchkey], isLatchkeyOnly: true } as const
  const configuration = await deployedConfiguration(t, name, addresses)
  const client = new HttpClient(await startGateway(t, name, configuration, port), '127.0.0.2')
  t.teardown(() => client.close())
  return client
}

function cookiesOf({ headers }: Answer): string {
  return (headers['set-cookie'] as string[]).map(cookie => cookie.split(';')[0]).join('; ')
}
