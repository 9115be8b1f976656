import { setTimeout as sleep } from 'node:timers/promises'
import { createVerifier } from '@latchkey/verifier'
import t from 'tap'
import { until } from '../support/eventually.js'
import { findFreePort } from '../support/free-port.js'
import { type GatewayName, startGateway } from '../support/gateways/start-gateway.js'
import { signUp } from '../support/people.js'
import { verdict } from '../verifier/verifiers.js'
import { type FeedInstances, followerOptions, startFeedInstances } from './feed-instances.js'
import { printFeedTable, runFeedRow } from './run-feed-row.js'
import { ONLY_IN_FULL } from './run-row.js'
import { logInto, watchHere } from './watching-verifier.js'

// Gateways between the service and the services that follow the feed, as somebody configures them who knows nothing of it.

type Configuration = (port: number, first: string, second: string) => string

const gateways: Record<string, [GatewayName, Configuration]> = {
  // HTTP/1.0 to the service, and all answers are buffered unless they say otherwise.
  nginx: ['nginx', (port, first) => `server { listen 127.0.0.1:${port}; location / { proxy_pass http://${first}; } }`],
  'nginx-compresses': [
    'nginx',
    (port, first) => `
      server {
        listen 127.0.0.1:${port};
        gzip on;
        gzip_types *;
        gzip_proxied any;
        gzip_min_length 0;
        proxy_buffering on;
        location / { proxy_pass http://${first}; proxy_http_version 1.1; proxy_set_header Connection ""; }
      }`,
  ],
  haproxy: [
    'haproxy',
    (port, first, second) => `
defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
  compression algo gzip
  compression type text/event-stream application/json
frontend all
  bind 127.0.0.1:${port}
  default_backend latchkey
backend latchkey
  server a ${first}
  server b ${second}
`,
  ],
  caddy: [
    'caddy',
    (port, first, second) => `http://127.0.0.1:${port} {\n  encode zstd gzip\n  reverse_proxy ${first} ${second}\n}\n`,
  ],
}

async function startBehind({ services }: FeedInstances, t: Parameters<typeof startGateway>[0], name: string) {
  const [program, configuration] = gateways[name]!
  const port = await findFreePort()
  const [first, second] = services.map(url => new URL(url).host) as [string, string]
  return startGateway(t, program, configuration(port, first, second), port)
}

t.test('behind gateways with their default settings, verifiers learn of a sign-out at once', ONLY_IN_FULL, async t => {
  const instances = await startFeedInstances(t)
  const { client } = instances
  const verifiers = await Promise.all(
    Object.keys(gateways).map(async name => {
      const url = await startBehind(instances, t, name)
      return watchHere(t, followerOptions(name, url, client))
    }),
  )
  await runFeedRow(t, {
    fault: 'gateways with default settings',
    ...instances,
    verifiers,
    begin: () => {},
    lastsMs: 6000,
    end: () => {},
  })
})

t.test(
  'behind a gateway that buffers whatever it is told, a verifier accepts nothing and says why',
  ONLY_IN_FULL,
  async t => {
    const { a, services, client } = await startFeedInstances(t)
    const ada = await signUp(a.app)
    const port = await findFreePort()
    const location = `location / { proxy_pass ${services[0]}; proxy_ignore_headers X-Accel-Buffering; }`
    const url = await startGateway(t, 'nginx', `server { listen 127.0.0.1:${port}; ${location} }`, port)
    const lines: string[] = []
    const verifier = createVerifier({ ...followerOptions('buffered', url, client, 10), log: logInto(lines) })
    t.teardown(() => verifier.close())
    await until(() => verifier.status().lastError !== undefined && verifier.status().keys > 0)
    t.match(verifier.status().lastError, /nothing arrived|was not answered/)
    const said = new Set<string>()
    for (let n = 0; n < 20; n++) {
      said.add(await verdict(verifier.verify(ada.accessToken)))
      await sleep(100)
    }
    t.strictSame([...said], ['revocations_stale'])
    t.match(lines, [/^error cannot follow revocations: .*; no token is accepted$/])
  },
)

t.test('what verifiers answered behind gateways is printed as a table', async t => printFeedTable(t))
