import t from 'tap'
import { openDatabase } from '../../src/postgres/database.js'
import { countUpdates } from '../support/count-updates.js'
import { createTestDatabase } from '../support/test-database.js'

t.test('counting sign-in attempts updates the users table in place (HOT), even when its pages are full', async t => {
  // Without a service beside it: what that reads can keep Postgres from using the space of old rows at once.
  const database = await createTestDatabase(t)
  const db = openDatabase({ url: database.url, prepare: true, caFile: undefined, timeoutMs: 10_000, size: 1 })
  t.teardown(() => db.close())
  const hash = '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
  await database.admin`
    insert into users (id, email, username, password_hash)
    select gen_random_uuid(), 'user' || n || '@example.com', 'user' || n, ${hash} from generate_series(1, 5000) n`
  const rows = await database.admin`select id from users order by id limit 300`

  // Both updates that a sign-in makes. For each user they are the first in a page that the import filled.
  for (const { id } of rows) {
    t.equal(await db.users.reserveAttempt(id, 100), 1)
    await db.users.forgetAttempts(id)
  }
  const stats = await countUpdates(database, 'users')
  t.equal(stats.all, 2 * rows.length)
  t.comment(`${stats.inPlace} of ${stats.all} in place`)
  t.ok(stats.inPlace >= 0.9 * stats.all, `${stats.inPlace} of ${stats.all}`)
})
