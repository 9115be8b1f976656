import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHistogram } from 'node:perf_hooks'
import { promisify } from 'node:util'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { FIRST_PARTY } from '../../src/domain/tokens/examine-refresh-token.js'
import { refreshTokensRepository } from '../../src/postgres/refresh-tokens.js'
import { sentStatements } from '../../test/support/sent-statements.js'
import { findOnPath } from '../../test/support/servers/find-on-path.js'
import { cpuSeconds } from '../measure/processes.js'
import type { Sample } from '../measure/sample.js'
import type { BenchStores } from '../stores/start.js'

const CLIENTS = 50
const SESSIONS_OF_CLIENT = 20
const HASH = Buffer.alloc(32, 7)

export const findPgbench = (): Promise<string | undefined> => findOnPath('pgbench')

/**
 * How often Postgres alone rotates a refresh token in a second: pgbench sends the statement that the service sends, prepared,
 * over 50 connections. Each of its clients has 20 sessions of its own, as the clients of the service have.
 */
export async function rotationRate(
  pgbench: string,
  databaseUrl: string,
  stores: BenchStores,
  seconds: number,
): Promise<Sample> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-pgbench-'))
  try {
    await addSessions(databaseUrl)
    const script = join(folder, 'rotate.sql')
    await writeFile(script, scriptOf(await rotation(databaseUrl)))
    const postgresBefore = cpuSeconds(stores.postgres.pid)
    // Each client has its own variable `turn`, which lasts from one transaction to the next.
    const { stdout } = await promisify(execFile)(
      pgbench,
      `-n -M prepared -c ${CLIENTS} -j 2 -T ${Math.ceil(seconds)} -l -D turn=-1 -f ${script}`
        .split(' ')
        .concat(databaseUrl),
      { cwd: folder },
    )
    const count = Number(/transactions actually processed: (\d+)/.exec(stdout)![1])
    if (!/failed transactions: 0 /.test(stdout)) throw new Error(`pgbench failed:\n${stdout}`)
    await checkRotated(databaseUrl, count)
    const postgresSeconds = cpuSeconds(stores.postgres.pid) - postgresBefore
    return {
      rate: Number(/tps = ([\d.]+)/.exec(stdout)![1]),
      latency: await latencyOf(folder),
      cpu: { server: 0, postgres: (postgresSeconds * 1e6) / count, redis: 0, generator: 0 },
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const SESSION_ID = (number: string) => `('00000000-0000-7000-8000-' || lpad(${number}, 12, '0'))::uuid`

/** Sessions whose tokens all have the same hash, because pgbench computes none. They begin anew with each run. */
async function addSessions(databaseUrl: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  const numbers = `generate_series(0, ${CLIENTS * SESSIONS_OF_CLIENT - 1}) as number`
  await sql.begin(async sql => {
    await sql.unsafe(`
      insert into users (id, email, password_hash)
      select ${SESSION_ID('number::text')}, 'pgbench-' || number || '@example.com', '-' from ${numbers}
      on conflict do nothing`)
    await sql.unsafe(`
      insert into sessions (id, user_id, token_version, client_id, expires_at, device, transport, auth_methods)
      select ${SESSION_ID('number::text')}, ${SESSION_ID('number::text')}, 0, 'latchkey', now() + interval '30 days',
        '{"browser": "Firefox", "os": "Linux", "kind": "desktop"}', 'body', '{pwd}' from ${numbers}
      on conflict do nothing`)
    await sql.unsafe(`
      insert into refresh_tokens (session_id, generation, token_hash, next_hash, rotated_at, expires_at)
      select ${SESSION_ID('number::text')}, 0, '\\x${HASH.toString('hex')}', '\\x${HASH.toString('hex')}', now(),
        now() + interval '7 days' from ${numbers}
      on conflict (session_id) do update set generation = 0`)
  })
  await sql`vacuum analyze refresh_tokens`
  await sql.end()
}

/** Every statement must have rotated a token; one that found no row would be cheaper. */
async function checkRotated(databaseUrl: string, count: number): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1 })
  const [row] = await sql`
    select sum(generation)::int as rotated from refresh_tokens where session_id < '00000000-0000-7000-8000-ffffffffffff'`
  await sql.end()
  if (row?.rotated !== count)
    throw new Error(`pgbench sent ${count} statements, and they rotated ${row?.rotated} tokens`)
}

/** The statement that the service sends, with its parameters as literals; the session and the generation are variables. */
async function rotation(databaseUrl: string): Promise<string> {
  const client = postgres(databaseUrl, { max: 1 })
  const executor = drizzle(client, { casing: 'snake_case' })
  const { rotate } = refreshTokensRepository({
    run: query => Promise.resolve(query(executor as never)),
    hot: (statement, values) => statement.build(executor as never).execute(values as Record<string, unknown>),
  })
  const sessionId = '00000000-0000-7000-8000-ffffffffffff'
  const generation = 123_456
  const [sent] = await sentStatements(() =>
    rotate({
      sessionId,
      generation,
      presentedHash: HASH,
      mark: null,
      successorHash: HASH,
      nextHash: HASH,
      anySuccessor: false,
      clientIds: FIRST_PARTY.clientIds,
      minAgeSeconds: 0,
      ttlSeconds: 604_800,
    }),
  )
  await client.end()
  const literal = (value: unknown) => {
    if (value === sessionId) return SESSION_ID(':session::text')
    if (value === generation) return ':generation'
    if (value instanceof Uint8Array) return `'\\x${Buffer.from(value).toString('hex')}'`
    return value === null ? 'null' : `'${value}'`
  }
  return sent!.text.replace(/\$(\d+)/g, (_, number) => literal(sent!.parameters[Number(number) - 1]))
}

function scriptOf(statement: string): string {
  return [
    '\\set turn :turn + 1',
    `\\set session :client_id * ${SESSIONS_OF_CLIENT} + :turn % ${SESSIONS_OF_CLIENT}`,
    `\\set generation :turn / ${SESSIONS_OF_CLIENT}`,
    // pgbench reads a line as one command, and has no comments within it.
    `${statement.replaceAll(/--.*/g, '').replaceAll(/\s+/g, ' ')};`,
  ].join('\n')
}

/** From pgbench's log: one line for each transaction, with its microseconds in the third column. */
async function latencyOf(folder: string) {
  const histogram = createHistogram()
  const logs = (await readdir(folder)).filter(name => name.startsWith('pgbench_log.'))
  for (const log of logs)
    for (const line of (await readFile(join(folder, log), 'utf8')).split('\n'))
      if (line !== '') histogram.record(Math.max(1, Number(line.split(' ')[2])))
  const ms = (quantile: number) => histogram.percentile(quantile) / 1000
  return { p50: ms(50), p99: ms(99), p999: ms(99.9), max: histogram.max / 1000 }
}
