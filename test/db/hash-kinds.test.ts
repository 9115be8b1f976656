import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { createPasswordHasher } from '../../src/auth/passwords/password-hasher.js'
import { schemeOf } from '../../src/auth/passwords/scheme-of.js'
import { newId } from '../../src/auth/session-id.js'
import { buildTestApp } from '../support/build-test-app.js'

const TAIL = `${'A'.repeat(22)}$${'A'.repeat(43)}`
const HASHES = [
  `$2a$10$${'.'.repeat(53)}`,
  `$2b$10$${'.'.repeat(53)}`,
  `$2b$12$${'.'.repeat(53)}`,
  `$2y$12$${'.'.repeat(53)}`,
  `bcrypt_sha256$$2b$12$${'.'.repeat(53)}`,
  `pbkdf2_sha256$600000$${TAIL}=`,
  `pbkdf2_sha256$1000000$${TAIL}=`,
  `$scrypt$ln=16,r=8,p=1$${TAIL}`,
  `$argon2id$v=19$m=65536,t=3,p=4$${TAIL}`,
  `$argon2id$v=16$m=19456,t=2,p=1$${TAIL}`,
  `$argon2id$m=19456,t=2,p=1$${TAIL}`,
]

t.test('the database names the kinds of hashes as the schemes do, each once, and not our own', async t => {
  const { database, stores } = await buildTestApp(t)
  const { users } = stores.db
  t.same(await users.foreignHashKinds(), [])

  const own = await createPasswordHasher({ concurrency: 1, queue: 1 }).hash('correct horse')
  const add = (hash: string) => users.insert({ id: newId(), email: `${newId()}@example.com`, passwordHash: hash })
  for (const hash of [...HASHES, ...HASHES, own, own, '!', '', `$scrypt$${'x'.repeat(5000)}`, 'x'.repeat(5000)])
    await add(hash)
  const kinds = HASHES.map(hash => schemeOf(hash).kind)
  t.equal(new Set(kinds).size, HASHES.length)
  const found = await users.foreignHashKinds()
  t.same(found.filter(kind => !kind.includes('xxx')).sort(), [...kinds].sort())
  t.equal((await users.foreignHashKinds(3)).length, 3, 'and no more than are asked for')

  await database.admin`update users set password_hash = ${own}`
  t.same(await users.foreignHashKinds(), [], 'those that were upgraded are gone')
})

t.test('it finds them by an index, whatever the number of users', async t => {
  const { database, stores } = await buildTestApp(t)
  const own = '$argon2id$v=19$m=19456,t=2,p=1$'
  await database.admin`
    insert into users (id, email, password_hash)
    select gen_random_uuid(), 'user' || n, case when n % 4 = 0 then '$2b$10$' || n else ${own} || n end
    from generate_series(1, 20000) n`
  await database.admin`analyze users`
  const scans = async () => {
    const [row] = await database.admin`
      select idx_scan::int as scans from pg_stat_user_indexes where indexrelname = 'users_foreign_hashes'`
    return row!.scans as number
  }
  // Postgres counts a moment later.
  for (let look = 0; look < 100 && (await scans()) === 0; look++) {
    t.same(await stores.db.users.foreignHashKinds(), ['$2b$10'])
    await delay(200)
  }
  t.ok((await scans()) > 0)
})
