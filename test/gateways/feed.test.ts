import t, { type Test } from 'tap'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient } from '../support/clients.js'
import { until } from '../support/eventually.js'
import { follow } from '../support/feed-follower.js'
import { findFreePort } from '../support/free-port.js'
import { deployedConfiguration } from '../support/gateways/deployed-configuration.js'
import { type GatewayName, startGateway } from '../support/gateways/start-gateway.js'
import { post, signUp } from '../support/people.js'
import { listen } from '../support/raw-request.js'

// The feed through real gateways: as deploy/gateways configures them, and with nothing but their defaults.

const { app, database } = await buildTestApp(t, { TRUST_PROXY: '127.0.0.1' })
const latchkey = await listen(app)
const token = await clientToken(app, await makeClient(app, 'revocations'))
await database.admin`
  insert into revocations (kind, subject, reason, expires_at)
  select 'session', gen_random_uuid(), 'logout', now() + interval '1 hour' from generate_series(1, 20000)`
await app.context.revocations.readJournal()

const plain = {
  nginx: (port: number) =>
    `server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${latchkey}; } }`,
  haproxy: (port: number) =>
    `defaults\n  mode http\n  timeout connect 1s\n  timeout client 3s\n  timeout server 3s\nfrontend public\n  bind 127.0.0.1:${port}\n` +
    `  default_backend latchkey\nbackend latchkey\n  server one 127.0.0.1:${latchkey}\n`,
  caddy: (port: number) => `http://127.0.0.1:${port} {\n  encode\n  reverse_proxy 127.0.0.1:${latchkey}\n}\n`,
}

for (const name of ['nginx', 'haproxy', 'caddy'] as const) {
  t.test(`the feed through ${name} as deploy/gateways configures it`, async t => {
    const port = await findFreePort()
    const addresses = { listen: port, latchkey: [latchkey, latchkey], isLatchkeyOnly: true } as const
    await checkFeed(t, name, await deployedConfiguration(t, name, addresses), port)
  })

  t.test(`the feed through ${name} with its defaults`, async t => {
    const port = await findFreePort()
    await checkFeed(t, name, plain[name](port), port)
  })
}

async function checkFeed(t: Test, name: GatewayName, configuration: string, port: number): Promise<void> {
  const url = await startGateway(t, name, configuration, port)
  const query = { verifier: newId() }
  const gzip = { 'accept-encoding': 'gzip, br, zstd' }
  const follower = await follow(t, { url, token, query, headers: gzip }).complete()
  t.equal(follower.status, 200)
  t.equal(follower.headers['content-encoding'], undefined)
  t.equal(follower.revocations.length, app.context.revocations.list.size, 'the whole snapshot')
  // Each one alone is far smaller than any buffer.
  for (let n = 0; n < 3; n++) {
    const ada = await signUp(app)
    await post(app, '/auth/logout', { refresh_token: ada.refreshToken })
    await until(() => follower.sessionIds.includes(ada.sessionId))
  }
  const { length } = follower.heartbeats
  await until(() => follower.heartbeats.length >= length + 4, 'heartbeats for longer than the idle timeout')
  t.notOk(follower.isEnded)
  follower.close()
  await until(() => app.context.feed.counts.followers === 0, 'the gateway closes the connection too')
  const back = await follow(t, { url, token, query, lastEventId: follower.lastEventId }).complete()
  t.match(back.start, { isSnapshot: false })
  back.close()
  await until(() => app.context.feed.counts.followers === 0)
}
