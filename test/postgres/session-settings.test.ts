import { sql } from 'drizzle-orm'
import t from 'tap'
import { openConnections } from '../../src/postgres/pool/connections.js'
import { buildTestApp } from '../support/build-test-app.js'
import { HOSTILE_DEFAULTS, OUR_SETTINGS, readSettings, setDefaults } from '../support/hostile-defaults.js'
import { signInAndOut } from '../support/sign-in-and-out.js'
import { createTestDatabase } from '../support/test-database.js'

for (const prepare of ['on', 'off']) {
  t.test(`users can sign in and out on a database with hostile defaults and DATABASE_PREPARE=${prepare}`, async t => {
    const { database, another } = await buildTestApp(t, { MAX_SESSIONS_PER_USER: '50' })
    await setDefaults(database.admin, HOSTILE_DEFAULTS)
    const { app } = await another({ DATABASE_PREPARE: prepare })
    await signInAndOut(t, app)
  })

  t.test(`our session settings override the defaults of the database with DATABASE_PREPARE=${prepare}`, async t => {
    const { url, admin } = await createTestDatabase(t)
    await setDefaults(admin, HOSTILE_DEFAULTS)
    const options = { url, size: 1, prepare: prepare === 'on', caFile: undefined, timeoutMs: 5000 }
    const connections = openConnections(options)
    t.teardown(() => connections.close())
    t.strictSame(await readSettings(connections), OUR_SETTINGS)
    t.strictSame(await connections.transaction(readSettings), OUR_SETTINGS)
  })
}

t.test('without a pooler, session settings cost no extra statement', async t => {
  const { url, admin } = await createTestDatabase(t)
  const connections = openConnections({ url, size: 1, prepare: true, caFile: undefined, timeoutMs: 5000 })
  t.teardown(() => connections.close())
  await connections.run(executor => executor.execute(sql`select 'ours'`))
  const [backend] = await admin`select query from pg_stat_activity
    where datname = current_database() and application_name = 'latchkey'`
  t.equal(backend!.query, "select 'ours'", 'no COMMIT came after it')
})
