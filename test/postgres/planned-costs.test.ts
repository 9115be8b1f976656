import type postgres from 'postgres'
import t, { type Test } from 'tap'
import { type Database, openDatabase, type RevokingRepositories } from '../../src/postgres/database.js'
import { everyStatement, NAMES } from '../support/every-statement.js'
import { plansOf } from '../support/explain.js'
import { sentStatements } from '../support/sent-statements.js'
import { createTestDatabase } from '../support/test-database.js'

/**
 * Most builds of Postgres include LLVM and compile each statement whose planned cost is above 100,000, which takes a
 * second of CPU time each time. On tables as small as these, a cost above this one means that the plan grows with
 * something that it should not: a table of one row is estimated at thousands, or a whole table is read.
 */
const MAX_COST = 500

/** Operations on many accounts at once, and clean-up: each processes a batch of rows of a whole table. */
const BULK_MAX_COST = 10_000
/**
 * Reads the sessions of each user on a page, or of those who ask at once, or the oldest entries that each verifier on a
 * page misses (the planner expects 50 open transactions at each position). This is linear in the page, of about 100, and not in the tables.
 */
const PAGE_MAX_COST = 40_000
const PAGES = new Set(['userActivity.of', 'sessions.liveOf', 'receipts.findLagging', 'receipts.list'])

const BULK = new Set([
  'sessions.revokeAny',
  'sessions.revokeAllOf',
  'sessions.revokeSomeOfClient',
  'users.raiseTokenVersionsOfRole',
  'expiredSessions.removeOlderThan',
  'refreshTokens.findReached',
  'usedAssertions.removeExpired',
])

t.test('every statement has a low planned cost on new tables', async t => {
  const { url, admin } = await createTestDatabase(t)
  await checkEveryStatement(t, url, admin)
})

t.test('every statement has a low planned cost with 40,000 sessions, thousands of them of one user', async t => {
  const { url, admin } = await createTestDatabase(t)
  await admin`
    insert into users (id, email, password_hash)
    select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n || '@example.com', 'hash'
    from generate_series(1, 5000) n`
  await admin`
    insert into sessions (id, user_id, token_version, client_id, expires_at, device, transport, auth_methods)
    select gen_random_uuid(), case when n <= 5000 then ${NAMES.user}::uuid else users.id end, 0, 'latchkey',
      now() + interval '30 days', '{}', 'cookie', '{pwd}'
    from generate_series(1, 40000) n
    join users on users.id = ('00000000-0000-7000-8000-' || lpad(to_hex(1 + n % 5000), 12, '0'))::uuid`
  await admin`
    insert into refresh_tokens (session_id, generation, token_hash, next_hash, rotated_at, expires_at)
    select id, 0, '', '', now(), expires_at from sessions`
  // As autovacuum does. It never analyzes tables with as few changes as realm and clients.
  await admin`analyze users, sessions, refresh_tokens`
  await checkEveryStatement(t, url, admin)
})

t.test('every statement has a low planned cost with 300,000 used assertions that have all expired', async t => {
  const { url, admin } = await createTestDatabase(t)
  await admin`
    insert into used_assertions (client_id, id_hash, content_hash, expires_at)
    select ${NAMES.client}::uuid, sha256(n::text::bytea), '', now() - n * interval '1 second'
    from generate_series(1, 300000) n`
  await admin`analyze used_assertions`
  await checkEveryStatement(t, url, admin)
})

/** Sends every statement of every repository, then checks the cost that Postgres plans for it. */
async function checkEveryStatement(t: Test, url: string, admin: postgres.Sql): Promise<void> {
  const db = openDatabase({ url, prepare: true, caFile: undefined, timeoutMs: 10_000, size: 1 })
  t.teardown(() => db.close())
  // The built-in now(), which the planner knows, not the one that tests can shift.
  await admin`set search_path = public`
  // The object has all repositories; its type hides the one that may run only in a revoking transaction.
  const repositories = { ...everyStatement(db as unknown as RevokingRepositories), server: ofTheServer(db) }
  for (const [repository, calls] of Object.entries(repositories)) {
    for (const [method, call] of Object.entries(calls)) {
      const name = `${repository}.${method}`
      const statements = await sentStatements(() => call())
      t.ok(statements.length > 0, `${name} sends something`)
      const bound = PAGES.has(name) ? PAGE_MAX_COST : BULK.has(name) ? BULK_MAX_COST : MAX_COST
      for (const statement of statements) {
        const cost = Math.max(...(await plansOf(admin, statement)).map(plan => plan['Total Cost']))
        t.ok(cost <= bound, `${name}: ${Math.round(cost)}`, { statement: statement.text, bound })
      }
    }
  }
}

/** The statements that no repository sends. */
function ofTheServer(db: Database) {
  return {
    ping: () => db.ping(),
    schemaView: () => db.schemaView(),
    tablesVersion: () => db.tablesVersion(),
    installation: () => db.installation(),
  }
}
