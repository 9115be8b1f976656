import { setTimeout as sleep } from 'node:timers/promises'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as migrateByDrizzle } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import t from 'tap'
import { openDatabase } from '../../src/postgres/database.js'
import { migrate } from '../../src/postgres/migrate.js'
import { startPostgres } from '../support/servers/own-postgres.js'
import { quietLog } from '../support/servers/quiet-log.js'
import { emptyDatabase } from '../support/test-database.js'

for (const version of [15, 18] as const) {
  t.test(`three instances that start together run each migration once on Postgres ${version}`, async t => {
    const server = await startPostgres(t, { version })
    const options = { url: server.url, caFile: undefined }
    await Promise.all([migrate(options), migrate(options), migrate(options)])

    const admin = postgres(server.url, { max: 1 })
    const [{ server_version }] = (await admin`show server_version`) as unknown as [{ server_version: string }]
    t.ok(server_version.startsWith(`${version}.`), server_version)
    const [applied] =
      await admin`select count(*)::int, count(distinct hash)::int as hashes from drizzle.__drizzle_migrations`
    t.ok(applied!.count > 0)
    t.equal(applied!.count, applied!.hashes, 'each migration ran once')
    const [table] = await admin`select reloptions from pg_class where relname = 'refresh_tokens'`
    t.ok(String(table!.reloptions).includes('fillfactor=90'))
    await admin.end()

    const database = openDatabase({ ...options, size: 2, prepare: true, timeoutMs: 5000 })
    t.teardown(() => database.close())
    const user = { id: '01900000-0000-7000-8000-000000000001', email: 'ada@example.com', passwordHash: 'none' }
    t.equal(await database.users.insert(user), 'inserted')
    t.equal(await database.users.insert({ ...user, id: '01900000-0000-7000-8000-000000000002' }), 'email_taken')
    t.match(await database.users.findByEmail('ada@example.com'), { id: user.id, roles: [], tokenVersion: 0 })
    t.match(await database.journal.readAll(), { entries: [], isStandby: false })
  })
}

t.test('a start waits for the migration lock that an earlier version holds, and logs that it waits', async t => {
  const { url, admin } = await emptyDatabase(t)
  await admin`select pg_advisory_lock(7233417021)`
  const log = quietLog()
  const migrating = migrate({ url, caFile: undefined, log })
  while (log.lines.length === 0) await sleep(20)
  t.match(log.lines[0], /^warn: Another instance is bringing the tables up to date/)
  await admin`select pg_advisory_unlock(7233417021)`
  await migrating
  const [tables] = await admin`select to_regclass('users') is not null as made`
  t.ok(tables!.made)
})

t.test('our migrator and Drizzle’s, which earlier versions used, record the same migrations', async t => {
  const { url, admin } = await emptyDatabase(t)
  const migrationsTable = () => admin`select * from drizzle.__drizzle_migrations`
  await migrate({ url, caFile: undefined })
  const ours = await migrationsTable()
  await migrateByDrizzle(drizzle(admin), { migrationsFolder: 'drizzle' })
  t.same(await migrationsTable(), ours)

  const other = await emptyDatabase(t)
  await migrateByDrizzle(drizzle(other.admin), { migrationsFolder: 'drizzle' })
  t.same(await other.admin`select * from drizzle.__drizzle_migrations`, ours)
  await t.resolves(migrate({ url: other.url, caFile: undefined }))
})

t.test('a start that cannot get the migration lock gives up and names the process that holds it', async t => {
  const { url, admin } = await emptyDatabase(t)
  const [holder] = await admin`select pg_backend_pid() as pid, pg_advisory_lock(7233417021)`
  const failing = migrate({ url, caFile: undefined, timeoutMs: 300 })
  await t.rejects(failing, { message: new RegExp(`select pg_terminate_backend\\(${holder!.pid}\\)`) })
})

t.test('a start with nothing to migrate needs neither the migration lock nor the right to change tables', async t => {
  const { url, admin } = await emptyDatabase(t)
  await migrate({ url, caFile: undefined })
  await admin`select pg_advisory_lock(7233417021)`
  const role = `reader_${process.pid}`
  await admin.unsafe(`create role ${role} login password 'only-for-this-test'`)
  t.teardown(async () => {
    await admin.unsafe(`drop owned by ${role}; drop role ${role}`)
  })
  await admin.unsafe(
    `grant usage on schema drizzle to ${role}; grant select on all tables in schema drizzle to ${role}`,
  )
  const reader = new URL(url)
  reader.username = role
  reader.password = 'only-for-this-test'
  await t.resolves(migrate({ url: reader.href, caFile: undefined, timeoutMs: 0 }))
})

t.test('a migration is not limited by the statement_timeout or the lock_timeout of the database', async t => {
  const { url, admin } = await emptyDatabase(t)
  const [database] = await admin`select current_database() as name`
  for (const setting of ['statement_timeout', 'lock_timeout']) {
    await admin.unsafe(`alter database ${database!.name} set ${setting} = '500ms'`)
  }
  // Creating a table of the same name waits until this transaction ends.
  await admin.unsafe('begin; create table users ()')
  const migrating = migrate({ url, caFile: undefined })
  await sleep(1200)
  await admin.unsafe('rollback')
  await t.resolves(migrating)
})
