import t from 'tap'
import { revoking } from '../../src/auth/commit-and-announce.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { signUp, verify } from '../support/people.js'

/** More than are read at a time, and not a multiple of it. */
const COUNT = 12_001

async function addRevocations({ database }: TestApp, count = COUNT): Promise<void> {
  await database.admin`
    insert into revocations (kind, subject, reason, expires_at)
    select 'session', gen_random_uuid(), 'logout', now() + interval '1 hour' from generate_series(1, ${count})`
}

t.test('a journal of any length is read to its end, at the start and while it is followed', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await addRevocations(test)
  // The last of them.
  await test.database.admin`
    insert into revocations (kind, subject, reason, expires_at)
    values ('session', ${ada.sessionId}, 'logout', now() + interval '1 hour')`

  await test.app.context.revocations.readJournal()
  t.equal(test.app.context.revocations.list.size, COUNT + 1, 'by who follows it')
  t.equal(await verify(test.app, ada.accessToken), 'token_revoked')

  const { app } = await test.another()
  t.equal(app.context.revocations.list.size, COUNT + 1, 'by who starts')
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
})

t.test('a start reads each row of the journal once, however many pages it takes', async t => {
  const test = await buildTestApp(t)
  // It follows the journal, and would read it too.
  await test.app.close()
  const count = 30_000
  await addRevocations(test, count)
  // Postgres does so by itself, within a minute of such a growth.
  await test.database.admin`analyze revocations`
  t.equal((await test.stores.db.journal.readAll()).entries.length, count)

  // Backends hand in what they counted at their end, or seconds late.
  await test.stores.close()
  let read = 0
  while (read < count) {
    const [row] = await test.database.admin`
      select (seq_tup_read + idx_tup_fetch)::int as read from pg_stat_user_tables where relname = 'revocations'`
    read = row!.read
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  t.ok(read < 1.5 * count, `${read} rows were read`)
})

t.test('a revocation that commits late is seen, though a long journal was read meanwhile', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const { revocations } = test.app.context
  await test.database.admin.begin(async sql => {
    await sql`
      insert into revocations (kind, subject, reason, expires_at)
      values ('session', ${ada.sessionId}, 'logout', now() + interval '1 hour')`
    // Thousands come after it, and are committed and read before it.
    const others = Array.from(
      { length: 6000 },
      (_, n) => ({ kind: 'session', subject: `${n}`, reason: 'logout' }) as const,
    )
    await test.stores.db.transaction(given => revoking(given).journal.append(others))
    await revocations.readJournal()
    t.equal(await verify(test.app, ada.accessToken), 200)
  })
  await revocations.readJournal()
  t.equal(await verify(test.app, ada.accessToken), 'token_revoked')
})
