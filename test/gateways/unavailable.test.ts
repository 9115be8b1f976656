import t from 'tap'
import { startBeforeEdges, startEdges } from '../support/gateways/before-edges.js'
import { startEchoService } from '../support/gateways/echo-service.js'
import { startToyIssuer } from '../verifier/toy-issuer.js'

// Latchkey and edges that do not answer, behind real gateways as deploy/gateways configures them.

const toy = await startToyIssuer(t)
const orders = await startEchoService(t)
const token = toy.token({ sub: 'ada', sid: 'a-session', roles: ['support'] })
const edges = await startEdges(t, toy)

t.test('Latchkey that is away, and edges that hang or are away: 503 with Retry-After', async t => {
  const gateways = await Promise.all(
    (['nginx', 'haproxy', 'caddy'] as const).map(async name => ({
      name,
      ...(await startBeforeEdges(t, name, { toy, edges, orders, change: faster })),
    })),
  )
  const each = (check: (gateway: (typeof gateways)[number]) => Promise<void>) => Promise.all(gateways.map(check))
  const headers = { authorization: `Bearer ${token}` }
  const all = [...edges.nginx, ...edges.caddy]
  const unavailable = async ({ name, client }: (typeof gateways)[number]) => {
    const answer = await client.send('GET', '/assets/a', headers)
    t.match(answer, { status: 503, headers: { 'retry-after': '1' } }, `${name}, also on a public route`)
  }

  // The edges decide without Latchkey.
  await toy.stop()
  await each(async ({ name, client }) => {
    const latchkey = [
      ['/identity/livez', 'example.com'],
      ['/livez', 'auth.example.com'],
    ] as const
    for (const [path, host] of latchkey)
      t.match(
        await client.send('GET', path, { host }),
        { status: 503, headers: { 'retry-after': '1' } },
        `${name} ${host}${path}`,
      )
  })

  for (const [first] of Object.values(edges)) first.child.kill('SIGSTOP')
  await each(async ({ name, client }) => {
    for (const method of ['GET', 'POST']) {
      const { status } = await client.send(method, '/orders/1', { ...headers, 'content-length': '0' })
      t.equal(status, 200, `${name} ${method}: one edge hangs`)
    }
  })
  for (const edge of all) edge.child.kill('SIGSTOP')
  await each(unavailable)
  for (const edge of all) edge.child.kill('SIGKILL')
  await Promise.all(all.map(edge => edge.exited))
  await each(unavailable)
})

/** With shorter times, for a short test. */
function faster(configuration: string): string {
  return configuration
    .replace(/(proxy_read_timeout|response_header_timeout|timeout server) 2s/, '$1 1s')
    .replace('timeout = 3000', 'timeout = 1500')
    .replace('lb_try_duration 2s', 'lb_try_duration 500ms')
    .replace('lb_try_duration 3s', 'lb_try_duration 1500ms')
}
