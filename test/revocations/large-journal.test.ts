import t from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { signUp, verify } from '../support/people.js'

/** More than are read at a time, and not a multiple of it. */
const COUNT = 12_001

async function addRevocations({ database }: TestApp): Promise<void> {
  await database.admin`
    insert into revocations (kind, subject, reason, expires_at)
    select 'session', gen_random_uuid(), 'logout', now() + interval '1 hour' from generate_series(1, ${COUNT})`
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
    await test.stores.db.journal.append(others)
    await revocations.readJournal()
    t.equal(await verify(test.app, ada.accessToken), 200)
  })
  await revocations.readJournal()
  t.equal(await verify(test.app, ada.accessToken), 'token_revoked')
})
