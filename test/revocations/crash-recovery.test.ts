import postgres from 'postgres'
import t from 'tap'
import { openDatabase, type RevokingRepositories } from '../../src/postgres/database.js'
import { migrate } from '../../src/postgres/migrate.js'
import { JournalFollower } from '../../src/revocations/journal-follower.js'
import { controlPostgres } from '../support/controlled-postgres.js'
import { eventually } from '../support/eventually.js'
import { quietLog } from '../support/servers/quiet-log.js'

t.test('a revocation is read whose transaction id was used before Postgres recovered from a crash', async t => {
  const { url } = await controlPostgres(t)
  await migrate({ url, caFile: undefined })
  const db = openDatabase({ url, prepare: true, caFile: undefined, timeoutMs: 5000, size: 1 })
  t.teardown(() => db.close())
  const read: string[] = []
  const follower = new JournalFollower({
    journal: db.journalFeed,
    log: quietLog(),
    onPage: ({ entries }) => void read.push(...entries.map(entry => ('subject' in entry ? entry.subject : entry.kind))),
    onOtherServer() {},
  })
  t.teardown(() => follower.stop())

  // Ids of transactions that are rolled back leave nothing on disk, so a crash a moment later forgets them.
  const direct = postgres(url, { max: 1, onnotice() {} })
  await direct`alter system set wal_writer_delay = '10s'`
  await direct`select pg_reload_conf()`
  const used = await rolledBack(direct)
  await follower.start()
  const [backend] = await direct`select pg_backend_pid() as pid`
  process.kill(backend!.pid, 'SIGKILL')
  await direct.end({ timeout: 0 })

  const entry = { kind: 'session', subject: 'a-session', reason: 'logout' } as const
  await eventually(() =>
    db.transaction(given => (given as RevokingRepositories).journal.append([entry])).then(() => follower.readNow()),
  )
  const again = postgres(url, { max: 1, onnotice() {} })
  t.teardown(() => again.end())
  const [row] = await again`select xid::text as xid from revocations`
  // Postgres may have written them all the same, for example for a checkpoint. Then the id is new, and is read as any other.
  t.comment(BigInt(row!.xid) <= used ? 'the id was given again' : 'the id was not given again')
  await eventually(async () => {
    await follower.readNow()
    if (!read.includes('a-session')) throw new Error('the revocation was not read')
  })
})

/** Rolls back some transactions that have an id, and returns the last id. */
async function rolledBack(sql: postgres.Sql): Promise<bigint> {
  let xid = 0n
  for (let i = 0; i < 20; i++) {
    await sql
      .begin(async transaction => {
        const [row] = await transaction`select pg_current_xact_id()::text as xid`
        xid = BigInt(row!.xid)
        throw new Error('roll back')
      })
      .catch(() => {})
  }
  return xid
}
