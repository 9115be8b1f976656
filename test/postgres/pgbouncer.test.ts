import { sql } from 'drizzle-orm'
import t from 'tap'
import { migrate } from '../../src/postgres/migrate.js'
import { openConnections } from '../../src/postgres/pool/connections.js'
import { buildTestApp } from '../support/build-test-app.js'
import { HOSTILE_DEFAULTS, OUR_SETTINGS, readSettings, setDefaults } from '../support/hostile-defaults.js'
import { startPgBouncer } from '../support/servers/own-pgbouncer.js'
import { signInAndOut } from '../support/sign-in-and-out.js'
import { createTestDatabase, emptyDatabase } from '../support/test-database.js'

// PgBouncer in transaction mode, without any special configuration for Latchkey.

for (const prepare of ['on', 'off']) {
  t.test(`users can sign in and sign out through PgBouncer with DATABASE_PREPARE=${prepare}`, async t => {
    const { database, another } = await buildTestApp(t, { MAX_SESSIONS_PER_USER: '50' })
    await setDefaults(database.admin, HOSTILE_DEFAULTS)
    const through = { DATABASE_URL: await startPgBouncer(t, database.url), DATABASE_PREPARE: prepare }
    const [first, second] = await Promise.all([another(through), another(through)])
    await signInAndOut(t, first.app)
    await signInAndOut(t, second.app)
  })
}

t.test('several instances can start through PgBouncer, both at the same time and later', async t => {
  const { url, admin } = await emptyDatabase(t)
  const through = { url: await startPgBouncer(t, url), caFile: undefined, timeoutMs: 5000 }
  await Promise.all([migrate(through), migrate(through), migrate(through)])
  const [locks] = await admin`select count(*)::int from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())`
  t.equal(locks!.count, 0, 'nothing stays locked on the connections of the pooler')
  await t.resolves(migrate(through))
})

t.test('behind PgBouncer statements and transactions have our session settings and leave no state', async t => {
  const { url, admin } = await createTestDatabase(t)
  await setDefaults(admin, HOSTILE_DEFAULTS)
  const through = await startPgBouncer(t, url)
  const connections = openConnections({ url: through, size: 2, prepare: true, caFile: undefined, timeoutMs: 5000 })
  t.teardown(() => connections.close())
  t.strictSame(await readSettings(connections), OUR_SETTINGS)
  t.strictSame(await connections.transaction(readSettings), OUR_SETTINGS)
  const changed = connections.transaction(async ({ run }) => {
    await run(executor => executor.execute(sql`update realm set not_before = '2001-01-01'`))
    throw new Error('changed my mind')
  })
  await t.rejects(changed, { message: 'changed my mind' })
  const untouched = sql`select not_before = 'epoch' as untouched from realm`
  t.match(await connections.run(executor => executor.execute(untouched)), [{ untouched: true }])

  const divide = (by: number) => connections.run(executor => executor.execute(sql`select 6 / ${by}::int as answer`))
  const answers = await Promise.allSettled(Array.from({ length: 40 }, (_, i) => divide(i % 2)))
  t.equal(
    answers.filter(({ status }) => status === 'fulfilled').length,
    20,
    'a failing statement does not affect the others',
  )
  const [open] = await admin`select count(*)::int from pg_stat_activity
    where datname = current_database() and state like 'idle in transaction%'`
  t.equal(open!.count, 0, 'no transaction stays open')
})

t.test('statements that wait while PgBouncer is being detected still succeed', async t => {
  const { url } = await createTestDatabase(t)
  const through = await startPgBouncer(t, url)
  const connections = openConnections({ url: through, size: 2, prepare: true, caFile: undefined, timeoutMs: 5000 })
  t.teardown(() => connections.close())
  const select = () => connections.run(executor => executor.execute(sql`select 1`))
  await t.resolves(Promise.all(Array.from({ length: 20 }, select)))
})
