import { sql } from 'drizzle-orm'
import type postgres from 'postgres'
import t, { type Test } from 'tap'
import { openConnections } from '../../src/db/connections.js'
import { buildTestApp } from '../support/build-test-app.js'
import { get, post, refreshed, signIn, signUp, verify } from '../support/people.js'
import { createTestDatabase } from '../support/test-database.js'

/** Defaults of a database or of a role that some program before us may have needed. */
const HOSTILE = {
  datestyle: 'SQL, DMY',
  intervalstyle: 'sql_standard',
  timezone: 'Asia/Kathmandu',
  extra_float_digits: '-15',
  bytea_output: 'escape',
  array_nulls: 'off',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  synchronous_commit: 'off',
  jit: 'on',
  jit_above_cost: '0',
  plan_cache_mode: 'force_generic_plan',
  statement_timeout: '10min',
  idle_in_transaction_session_timeout: '10min',
  lock_timeout: '1ms',
  idle_session_timeout: '100ms',
  client_encoding: 'LATIN1',
}

/** What the tests of this file expect of a connection of the service. */
const OURS = {
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  array_nulls: 'on',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  transaction_isolation: 'read committed',
  synchronous_commit: 'on',
  jit: 'off',
  plan_cache_mode: 'auto',
  statement_timeout: '5s',
  idle_in_transaction_session_timeout: '5s',
  lock_timeout: '0',
  idle_session_timeout: '0',
  client_encoding: 'UTF8',
}

async function makeHostile(admin: postgres.Sql): Promise<void> {
  const [row] = await admin`select current_database() as name`
  for (const [setting, value] of Object.entries(HOSTILE)) {
    const text = value.includes(',') ? value : `'${value}'`
    await admin.unsafe(`alter database ${row!.name} set ${setting} = ${text}`)
  }
}

for (const prepare of ['on', 'off'] as const) {
  t.test(`people sign in on a database with defaults of another program, prepared statements ${prepare}`, async t => {
    const { app } = await hostileApp(t, prepare)
    const ada = await signUp(app)
    const signIns = await Promise.all(Array.from({ length: 20 }, () => signIn(app, ada.email)))
    t.equal(new Set(signIns.map(({ sessionId }) => sessionId)).size, 20)

    await refreshed(app, ada.refreshToken)
    const sessions = (await get(app, '/auth/sessions', ada.accessToken)).json() as Record<string, string>[]
    t.equal(sessions.length, 21)
    for (const { created_at } of sessions) {
      const ageMs = Date.now() - Date.parse(created_at!)
      t.ok(ageMs > -1000 && ageMs < 60_000, `created at ${created_at}`)
    }

    const [revoked, left] = signIns
    const url = `/auth/sessions/${revoked!.sessionId}`
    const headers = { authorization: `Bearer ${ada.accessToken}` }
    t.equal((await app.inject({ method: 'DELETE', url, headers })).statusCode, 204)
    t.equal(await verify(app, revoked!.accessToken), 'token_revoked')
    t.equal((await post(app, '/auth/logout', { refresh_token: left!.refreshToken })).statusCode, 204)
    t.equal(await verify(app, left!.accessToken), 'token_revoked')
    t.equal((await post(app, '/auth/refresh', { refresh_token: left!.refreshToken })).statusCode, 401)
    t.equal(await verify(app, ada.accessToken), 200)
  })
}

async function hostileApp(t: Test, prepare: 'on' | 'off') {
  const first = await buildTestApp(t, { MAX_SESSIONS_PER_USER: '50' })
  await makeHostile(first.database.admin)
  return first.another({ DATABASE_PREPARE: prepare })
}

t.test('every connection sets what the database or the role has another default for', async t => {
  const { url, admin } = await createTestDatabase(t)
  await makeHostile(admin)
  for (const prepare of [true, false]) {
    const connections = openConnections({ url, size: 1, prepare, caFile: undefined, timeoutMs: 5000 })
    t.teardown(() => connections.close())
    const settings = sql.join(
      Object.keys(OURS).map(name => sql`current_setting(${name}) as ${sql.identifier(name)}`),
      sql`, `,
    )
    const [alone] = await connections.run(executor => executor.execute(sql`select ${settings}`))
    t.strictSame({ ...alone }, OURS)
    const [within] = await connections.transaction(({ run }) =>
      run(executor => executor.execute(sql`select ${settings}`)),
    )
    t.strictSame({ ...within }, OURS)
  }
})
