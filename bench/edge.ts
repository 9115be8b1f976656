import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import t from 'tap'
import { startEdge } from '../test/support/edge-process.js'
import { externalStores } from '../test/support/external-stores.js'
import { findFreePort } from '../test/support/free-port.js'
import { spawnLatchkey } from '../test/support/latchkey-process.js'
import { PASSWORD } from '../test/support/people.js'
import { runLatchkey } from '../test/support/run-latchkey.js'
import { startService } from '../test/support/service-process.js'
import { load, quantile } from './edge/load.js'
import { median, printTable } from './verifier/table.js'

// `npm run bench:edge`: what a decision of `latchkey edge` costs, beside a Node process that only answers, and beside
// /auth/verify of the service. docs/bench.md has the results.

const ROUNDS = Number(process.env.ROUNDS ?? 5)
const SECONDS = 4
const PEOPLE = 20
/** So few that requests do not wait for each other: this is for the time of one decision. */
const CONNECTIONS = 4

const RULES = `rules:
  - { prefix: /, access: signed in }
  - { prefix: /assets, access: public }
  - { prefix: /admin, roles: [admin, support] }
  - { prefix: /api, access: signed in, preflights: true }`

interface Target {
  name: string
  pid: number
  port: number
  cpu: number[]
  p50: number[]
  p99: number[]
  rate: number[]
}

t.test('decisions of the edge', { timeout: 1_800_000 }, async t => {
  const { env } = await externalStores(t)
  const settings = { ...env, LOG_LEVEL: 'error' }
  const service = await startService(t, { env: settings })
  const created = await runLatchkey(['clients', 'create', 'edge', '--scope', 'revocations', '--json'], {
    env: settings,
  })
  const client = JSON.parse(created.stdout)
  const edge = await startEdge(t, {
    EDGE_ISSUER: 'http://localhost:3000',
    EDGE_BASE_URL: service.url,
    EDGE_CLIENT_ID: client.client_id,
    EDGE_CLIENT_SECRET: client.client_secret,
    EDGE_GATEWAY: 'nginx',
    EDGE_RULES: RULES,
  })
  const barePort = await findFreePort()
  const program = resolve('bench/edge/bare-service.mjs')
  const bare = spawnLatchkey({ program, env: { PORT: String(barePort) } })
  t.teardown(() => bare.child.kill('SIGKILL'))

  const tokens = await Promise.all(Array.from({ length: PEOPLE }, (_, at) => tokenOf(service.url, at)))
  const requests = tokens.flatMap((token, at) =>
    ['/orders/17', '/api/items?page=2', '/'].map(path => requestOf(token, `${path}${at}`)),
  )
  const target = (name: string, pid: number, port: number): Target => {
    return { name, pid, port, cpu: [], p50: [], p99: [], rate: [] }
  }
  const targets = [
    target('a Node process that only answers', bare.pid, barePort),
    target('latchkey edge, with rules', edge.pid, edge.port),
    target('/auth/verify of the service', service.pid, Number(new URL(service.url).port)),
  ]
  // Before the first round, every process has compiled what it needs.
  for (const { port } of targets) await load({ port, requests, connections: CONNECTIONS, seconds: 2 })
  for (let round = 0; round < ROUNDS; round++)
    for (const each of targets) {
      const before = cpuSeconds(each.pid)
      const measured = await load({ port: each.port, requests, connections: CONNECTIONS, seconds: SECONDS })
      t.equal(measured.others, 0, `${each.name} accepts every token`)
      each.cpu.push(((cpuSeconds(each.pid) - before) / measured.requests) * 1e6)
      each.p50.push(quantile(measured.latencies, 0.5))
      each.p99.push(quantile(measured.latencies, 0.99))
      each.rate.push(measured.requests / SECONDS)
    }
  const bareCpu = median(targets[0]!.cpu)
  printTable(
    [
      'a decision',
      'µs of CPU',
      'a second and core',
      'compared with the bare process',
      'p50, ms',
      'p99, ms',
      'memory (RSS), MB',
    ],
    targets.map(({ name, pid, cpu, p50, p99 }) => [
      name,
      median(cpu).toFixed(1),
      Math.round(1e6 / median(cpu)).toLocaleString('en'),
      `${Math.round((100 * bareCpu) / median(cpu))} %`,
      median(p50).toFixed(2),
      median(p99).toFixed(2),
      String(rssMegabytes(pid)),
    ]),
  )
})

async function tokenOf(url: string, at: number): Promise<string> {
  const answer = await fetch(`${url}/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: `person-${at}@example.com`, password: PASSWORD, transport: 'body' }),
  })
  return ((await answer.json()) as { access_token: string }).access_token
}

/** As nginx asks for a browser: with what browsers send, and the headers of the documented configuration. */
function requestOf(token: string, path: string): string {
  return [
    'GET /auth/verify HTTP/1.1',
    'Host: shop.example.com',
    `X-Original-URI: ${path}`,
    'X-Original-Method: GET',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'Accept: application/json',
    'Accept-Language: en-GB,en;q=0.7',
    'Cookie: theme=dark; basket=17',
    `Authorization: Bearer ${token}`,
    '\r\n',
  ].join('\r\n')
}

/** The CPU time of all threads of a process, from Linux, in hundredths of a second. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function rssMegabytes(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024)
}
