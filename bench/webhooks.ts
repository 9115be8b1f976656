import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { readConfig } from '../src/config/config.js'
import { deriveSecrets } from '../src/domain/keys/secrets.js'
import { createWebhook } from '../src/domain/webhooks/webhooks.js'
import { openDatabase } from '../src/postgres/database.js'
import { compiledPath } from '../test/support/compiled-path.js'
import { runLatchkey } from '../test/support/run-latchkey.js'
import type { Contender } from './contender.js'
import { fill } from './growth/fill.js'
import { openLoadSessions } from './growth/load-sessions.js'
import { prepareOperations } from './growth/operations.js'
import { startLoadGenerator } from './load/drive.js'
import { type Bench, measureOnce } from './measure/once.js'
import { cpuSeconds } from './measure/processes.js'
import type { Sample } from './measure/sample.js'
import { buildService, CLI, settingsOf, startService } from './service/start.js'
import { startStores } from './stores/start.js'
import { median, printTable } from './verifier/table.js'

// `npm run bench:webhooks`: what three webhooks cost a sign-in. docs/bench.md says how to read the table.

const USERS = 10_000
const ROUNDS = Number(process.env.ROUNDS ?? 5)

if (process.argv[2] === 'receive') await receive()
else await measure()

/** The receiver, a process of its own: what it does is not a cost of the service. */
async function receive(): Promise<void> {
  let deliveries = 0
  const server = createServer((request, response) => {
    deliveries++
    request.resume()
    request.on('end', () => response.writeHead(204).end())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send!((server.address() as AddressInfo).port)
  process.on('message', () => process.send!(deliveries))
  process.once('disconnect', () => process.exit())
}

async function measure(): Promise<void> {
  await buildService()
  const stores = await startStores()
  const generator = await startLoadGenerator()
  const receiver = fork(compiledPath('bench/webhooks.ts'), ['receive'], { execArgv: [] })
  const [port] = (await once(receiver, 'message')) as [number]
  const form = {
    ...({ name: 'short', starts: 1, rounds: 1, warmUpSeconds: 2, seconds: 6, pauseMs: 500, openLoop: true } as const),
  }
  const bench: Bench = { stores, generator, form }
  try {
    const without = await startWith(bench, undefined)
    const withThree = await startWith(bench, port)
    const samples: Record<string, Sample[]> = { 'no webhook': [], 'three webhooks': [] }
    for (let round = 0; round < ROUNDS; round++) {
      const alone = await without.signIn()
      samples['no webhook']!.push(alone)
      samples['three webhooks']!.push(await withThree.signIn(alone.open!.rate))
      console.error(`round ${round + 1} of ${ROUNDS}`)
    }
    const middle = (all: readonly Sample[], of: (sample: Sample) => number) => median(all.map(of))
    printTable(
      [
        'a sign-in',
        'a second',
        'at half of the first: p50, ms',
        'p99, ms',
        'CPU of the service, µs',
        'of Postgres, µs',
      ],
      Object.entries(samples).map(([name, all]) => [
        name,
        middle(all, ({ rate }) => rate).toFixed(1),
        middle(all, ({ open }) => open!.latency.p50).toFixed(2),
        middle(all, ({ open }) => open!.latency.p99).toFixed(2),
        middle(all, ({ cpu }) => cpu!.server).toFixed(0),
        middle(all, ({ cpu }) => cpu!.postgres).toFixed(0),
      ]),
    )
    receiver.send('count')
    const [deliveries] = (await once(receiver, 'message')) as [number]
    const ofReceiver = (cpuSeconds(receiver.pid!) * 1e6) / deliveries
    console.log(`${await withThree.left()} events waited at the end`)
    console.log(
      `The receiver, on the same cores, took ${ofReceiver.toFixed(0)} µs for each of ${deliveries} deliveries`,
    )
    await Promise.all([without.stop(), withThree.stop()])
  } finally {
    receiver.disconnect()
    generator.stop()
    await stores.stop()
  }
}

/** Starts an instance on tables of its own; with a port, three webhooks get every event. */
async function startWith(bench: Bench, port: number | undefined) {
  const { stores, generator } = bench
  const databaseUrl = await stores.createDatabase()
  const env = { ...settingsOf(stores, databaseUrl), DELIVERY_ALLOWED_NETWORKS: 'loopback' }
  await runLatchkey(['migrate'], { env, program: CLI })
  await fill(databaseUrl, USERS)
  const db = openDatabase({ url: databaseUrl, size: 1, prepare: true, caFile: undefined, timeoutMs: 10_000 })
  const context = { db, secrets: deriveSecrets(readConfig(env)) }
  if (port !== undefined) {
    for (const path of ['mailer', 'tables', 'siem'])
      await createWebhook(context, { url: `http://127.0.0.1:${port}/${path}` }, 'cli')
  }
  await db.close()
  const users = await openLoadSessions(databaseUrl, USERS)
  const service = await startService(env)
  const { login } = await prepareOperations(generator, service.port, users, { seconds: 1 })
  const contender: Contender = { ...service, name: 'Latchkey', kind: 'latchkey', measures: [] }
  return {
    async signIn(openRate?: number) {
      const sample = await measureOnce(
        bench,
        contender,
        { operation: 'login', name: 'login', measure: login },
        openRate,
      )
      await sleep(2000)
      return sample
    },
    async left() {
      const sql = postgres(databaseUrl, { max: 1 })
      const [row] = await sql`select count(*)::int as count from deliveries`
      await sql.end()
      return row!.count as number
    },
    stop: () => service.stop(),
  }
}
