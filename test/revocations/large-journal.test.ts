import t from 'tap'
import { withJournalWrites } from '../../src/domain/commit-and-announce.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { signUp, verify } from '../support/people.js'

/** More than one page of the journal, and not a multiple of the page size. */
const COUNT = 12_001

async function addRevocations({ database }: TestApp, count = COUNT): Promise<void> {
  await database.admin`
    insert into revocations (kind, subject, reason, expires_at)
    select 'session', gen_random_uuid(), 'logout', now() + interval '1 hour' from generate_series(1, ${count})`
}

t.test('a journal of 12,000 entries is read completely, both at the start and while running', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await addRevocations(test)
  // The last entry.
  await test.database.admin`
    insert into revocations (kind, subject, reason, expires_at)
    values ('session', ${ada.sessionId}, 'logout', now() + interval '1 hour')`

  await test.app.context.revocations.readJournal()
  t.equal(test.app.context.revocations.list.size, COUNT + 1, 'by a running instance')
  t.equal(await verify(test.app, ada.accessToken), 'token_revoked')

  const { app } = await test.another()
  t.equal(app.context.revocations.list.size, COUNT + 1, 'by a starting instance')
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
})

t.test('a start reads each row of the journal once, however many pages it takes', async t => {
  const test = await buildTestApp(t)
  // The running app would read the journal too.
  await test.app.close()
  const count = 30_000
  await addRevocations(test, count)
  // Postgres does this itself within a minute after such growth.
  await test.database.admin`analyze revocations`
  t.equal((await test.stores.db.journal.readAll()).entries.length, count)

  // Backends report their statistics when they end, or seconds late.
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

t.test('a revocation that commits late is read even if thousands of later entries were read before it', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const { revocations } = test.app.context
  await test.database.admin.begin(async sql => {
    await sql`
      insert into revocations (kind, subject, reason, expires_at)
      values ('session', ${ada.sessionId}, 'logout', now() + interval '1 hour')`
    // Thousands of later entries are committed and read before it.
    const others = Array.from(
      { length: 6000 },
      (_, n) => ({ kind: 'session', subject: `${n}`, reason: 'logout' }) as const,
    )
    await test.stores.db.transaction(given => withJournalWrites(given).journal.append(others))
    await revocations.readJournal()
    t.equal(await verify(test.app, ada.accessToken), 200)
  })
  await revocations.readJournal()
  t.equal(await verify(test.app, ada.accessToken), 'token_revoked')
})
