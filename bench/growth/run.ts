import postgres from 'postgres'
import { runLatchkey } from '../../test/support/run-latchkey.js'
import type { Bench } from '../measure/once.js'
import { CLI, settingsOf, startService } from '../service/start.js'
import { type CleanUp, measureCleanUp } from './clean-up.js'
import { EXPIRED_SESSIONS, fill, usersFor } from './fill.js'
import { openLoadSessions } from './load-sessions.js'
import { type LongRun, rotateFor } from './long-run.js'
import { type MeasuredOperation, measureOperation, prepareOperations } from './operations.js'
import { checkPlans, type Plans } from './plans.js'
import { redisBytes } from './redis-memory.js'
import { type Size, sizeOf, TABLES, type Table } from './statistics.js'
import { measureDuringVacuum } from './vacuum.js'
import { type LogOfOperation, measureLog } from './write-ahead-log.js'

/** Everything that was measured with so many sessions. */
export interface Grown {
  sessions: number
  users: number
  loadSessions: number
  fillSeconds: number
  sizes: Record<Table, Size>
  operations: MeasuredOperation[]
  log: LogOfOperation[]
  duringVacuum: (MeasuredOperation & { vacuum: string })[]
  cleanUp: CleanUp
  longRun: LongRun
  /** Bytes of a row with its index entries: an entry of the journal, and a security event. */
  rows: { revocation: number; event: number }
  redis: { activity: number; revocation: number }
  plans: Plans
}

export interface GrowthRun extends Bench {
  sessions: number
  longRunSeconds: number
  progress(line: string): void
}

const count = (value: number) => Math.round(value).toLocaleString('en')

/** Fills new tables, and measures the service on them. */
export async function measureAt(run: GrowthRun): Promise<Grown> {
  const { stores, generator, form, sessions } = run
  const progress = (line: string) => run.progress(`${count(sessions)} sessions: ${line}`)
  const databaseUrl = await stores.createDatabase()
  const env = settingsOf(stores, databaseUrl)
  await runLatchkey(['migrate'], { env, program: CLI })
  progress('filling the tables')
  const begunAt = performance.now()
  await fill(databaseUrl, sessions)
  const fillSeconds = (performance.now() - begunAt) / 1000
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  const [sessionsSize, tokensSize, usersSize] = await Promise.all(TABLES.map(table => sizeOf(sql, table)))
  const sizes = { sessions: sessionsSize!, refresh_tokens: tokensSize!, users: usersSize! }
  const loadUsers = await openLoadSessions(databaseUrl, sessions)
  progress(`filled in ${count(fillSeconds)} s, ${count(sum(sizes) / 1e6)} MB`)

  const service = await startService(env)
  try {
    const emptyRedis = await redisBytes(stores.redis.url)
    const revocations = { seconds: form.warmUpSeconds + form.seconds }
    const prepared = await prepareOperations(generator, service.port, loadUsers, revocations)
    const activity = ((await redisBytes(stores.redis.url)) - emptyRedis) / loadUsers.length

    const log = await measureLog(sql, prepared)
    for (const each of log) progress(`log of ${each.operation}: ${count(each.bytes)} bytes`)

    const operations: MeasuredOperation[] = []
    for (const name of ['refresh', 'list', 'login'] as const) {
      operations.push(await measureOperation(run, service, sql, name, prepared[name]))
      progress(`${name}: ${count(operations.at(-1)!.rate)}/s`)
    }
    // On small tables, VACUUM would begin again all the time.
    const duringVacuum = sessions < 100_000 ? [] : await measureDuringVacuum(run, service, sql, prepared)
    for (const each of duringVacuum) progress(`refresh during VACUUM ${each.vacuum}: ${count(each.rate)}/s`)

    const [redisBefore, journalBefore] = [await redisBytes(stores.redis.url), await journal(sql)]
    operations.push(await measureOperation(run, service, sql, 'revoke', prepared.revoke))
    progress(`revoke: ${count(operations.at(-1)!.rate)}/s`)
    const journalAfter = await journal(sql)
    const revoked = journalAfter.entries - journalBefore.entries
    const redisRevocation = ((await redisBytes(stores.redis.url)) - redisBefore) / revoked

    const eventsBefore = await sizeOf(sql, 'security_events')
    const cleanUp = await measureCleanUp(databaseUrl, stores.postgres.pid)
    const event = ((await sizeOf(sql, 'security_events')).total - eventsBefore.total) / EXPIRED_SESSIONS
    progress(`clean-up: ${count(cleanUp.sessions / cleanUp.seconds)} sessions/s`)

    const longRun = await rotateFor(run.longRunSeconds, run, service, sql, prepared)
    progress(`${count(longRun.rotations)} rotations: ${(100 * longRun.hotPart).toFixed(1)} % HOT`)
    const plans = await checkPlans(stores, databaseUrl)
    progress(`${plans.statements} plans: ${plans.scans.length} scans of a large table`)
    return {
      sessions,
      users: usersFor(sessions),
      loadSessions: loadUsers.length,
      fillSeconds,
      sizes,
      operations,
      log,
      duringVacuum,
      cleanUp,
      longRun,
      rows: { revocation: (journalAfter.bytes - journalBefore.bytes) / revoked, event },
      redis: { activity, revocation: redisRevocation },
      plans,
    }
  } finally {
    await service.stop()
    await sql.end()
    await stores.dropDatabase(databaseUrl)
  }
}

async function journal(sql: postgres.Sql): Promise<{ entries: number; bytes: number }> {
  const [row] = await sql`select count(*)::int as entries from revocations`
  return { entries: row!.entries, bytes: (await sizeOf(sql, 'revocations')).total }
}

function sum(sizes: Record<Table, Size>): number {
  return Object.values(sizes).reduce((total, size) => total + size.total, 0)
}
