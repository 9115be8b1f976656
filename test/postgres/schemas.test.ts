import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type postgres from 'postgres'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/postgres/database.js'
import { migrate } from '../../src/postgres/migrate.js'
import { buildTestApp } from '../support/build-test-app.js'
import { startPgBouncer } from '../support/servers/own-pgbouncer.js'
import { signInAndOut } from '../support/sign-in-and-out.js'
import { emptyDatabase } from '../support/test-database.js'

const withPath = (url: string, path: string) => `${url}?options=${encodeURIComponent(`-c search_path=${path}`)}`

/** An empty database, and a role whose only right in it is to connect. */
async function databaseAndRole(t: Test) {
  const { url, admin } = await emptyDatabase(t)
  const [{ database }] = (await admin`select current_database() as database`) as unknown as [{ database: string }]
  const role = `role_${database}`
  await admin.unsafe(`create role ${role} login password 'only-for-this-test'`)
  t.teardown(() => admin.unsafe(`drop owned by ${role} cascade; drop role ${role}`))
  const ofRole = new URL(url)
  ofRole.username = role
  ofRole.password = 'only-for-this-test'
  return { admin, database, role, adminUrl: url, url: ofRole.href }
}

/** The schemas that hold a table of this name. */
async function schemasWith(admin: postgres.Sql, table: string): Promise<string[]> {
  const rows = await admin`select schemaname from pg_tables where tablename = ${table} order by 1`
  return rows.map(({ schemaname }) => schemaname)
}

t.test(
  'the tables and the migration list are created in the schema that search_path names, wherever search_path is set',
  async t => {
    const forms: [form: string, schema: string, prepare: (role: string, database: string) => string, path?: string][] =
      [
        ['in the URL', 'a', () => 'select', 'a'],
        ['in the URL, before an empty schema', 'a', () => 'create schema other', 'a,other'],
        ['with a name that needs quotes', 'A "b".c', () => 'select', '"A\\ ""b"".c"'],
        ['as the default of the role', 'a', role => `alter role ${role} set search_path = a`],
        [
          'as the default of the database',
          'a',
          (_, database) => `alter database ${database} set search_path = a, public`,
        ],
        ['a schema with the name of the role', 'role', () => 'select'],
      ]
    for (const [form, name, prepare, path] of forms) {
      const { admin, role, database, url } = await databaseAndRole(t)
      const schema = name === 'role' ? role : name
      await admin`create schema ${admin.unsafe(`"${schema.replaceAll('"', '""')}" authorization ${role}`)}`
      await admin.unsafe(prepare(role, database))
      const options = { url: path === undefined ? url : withPath(url, path), caFile: undefined }
      t.strictSame(await Promise.all([migrate(options), migrate(options)]), [schema, schema], form)
      t.equal(await migrate(options), schema)
      for (const table of ['users', 'device_failures', '__drizzle_migrations'])
        t.strictSame(await schemasWith(admin, table), [schema], `${form}: ${table}`)

      const opened = openDatabase({ ...options, size: 1, prepare: true, timeoutMs: 5000 })
      const user = { id: '01900000-0000-7000-8000-000000000001', email: 'ada@example.com', passwordHash: 'none' }
      t.equal(await opened.users.insert(user), 'inserted')
      t.match(await opened.schemaView(), { found: schema })
      await opened.close()
    }
  },
)

for (const schema of ['a', 'public'])
  t.test(
    `an instance that waits while another migrates schema ${schema} finds nothing left to do when it gets the lock`,
    async t => {
      const { url, admin } = await emptyDatabase(t)
      await admin.unsafe('create schema a; select pg_advisory_lock(7233417021)')
      const migrationsSchema = schema === 'public' ? 'drizzle' : schema
      const finish = () =>
        admin.unsafe(`
        create schema if not exists ${migrationsSchema};
        create table ${schema}.revocations ();
        create table ${migrationsSchema}.__drizzle_migrations as select '' as hash, 9999999999999 as created_at;
        select pg_advisory_unlock(7233417021)`)
      let attempts = 0
      const { port, hostname } = new URL(url)
      const holding = createServer(client => {
        const server = connect(Number(port), hostname)
        t.teardown(() => server.destroy())
        server.pipe(client)
        client.on('data', async chunk => {
          // Not at the first attempt: the first time a server runs a statement, it reads its catalogs again.
          if (chunk.includes('pg_try_advisory_xact_lock') && ++attempts === 2) await finish()
          server.write(chunk)
        })
      }).listen(0, '127.0.0.1')
      await once(holding, 'listening')
      t.teardown(() => holding.close())
      const through = new URL(withPath(url, schema))
      through.port = String((holding.address() as AddressInfo).port)
      t.equal(await migrate({ url: through.href, caFile: undefined }), schema)
      t.equal(attempts, 2)
    },
  )

t.test('two deployments in two schemas of one database share no data', async t => {
  const first = await buildTestApp(t, { MAX_SESSIONS_PER_USER: '50' })
  await first.database.admin`create schema second`
  const second = await first.another({
    DATABASE_URL: withPath(first.database.url, 'second'),
    MIGRATE_ON_START: 'on',
    REDIS_KEY_PREFIX: `${first.config.redis.keyPrefix}b`,
    JWT_SECRET: 'another-jwt-secret-of-the-tests-and-of-nothing-else',
  })
  await signInAndOut(t, first.app)
  t.equal((await first.database.admin`select from second.users`).length, 0)
  await signInAndOut(t, second.app)
  t.equal((await first.database.admin`select from public.users`).length, 1)
})

t.test('a start fails and writes nothing if its schema is missing, unusable or ambiguous', async t => {
  const ofPublic = (url: string) => migrate({ url, caFile: undefined })
  type Case = [what: string, path: string | undefined, prepare: (found: Found) => Promise<unknown>, says: RegExp]
  type Found = Awaited<ReturnType<typeof databaseAndRole>>
  const cases: Case[] = [
    ['a missing schema', 'a', async () => {}, /the first schema of its search_path \(a\) does not exist/],
    ['a missing schema before an existing one', 'a,public', async () => {}, /the first schema of its search_path/],
    ['an empty path', '""', async () => {}, /the first schema of its search_path/],
    [
      'a schema that its user has no right to use',
      'a,public',
      ({ admin }) => admin`create schema a`,
      /or its user cannot use it: create it/,
    ],
    [
      'a schema in which its user cannot create tables',
      'a',
      ({ admin, role }) => admin.unsafe(`create schema a; grant usage on schema a to ${role}`),
      /permission denied for schema a\. Its user is not allowed .* grant it CREATE there, or set DATABASE_MIGRATION_URL/,
    ],
    [
      'another deployment later in search_path',
      'a,public',
      async ({ adminUrl, admin, role }) => {
        await admin.unsafe(`create schema a authorization ${role}`)
        await ofPublic(adminUrl)
      },
      /finds tables of Latchkey in the schema public, and new ones would go to a: name the one schema/,
    ],
    [
      'a schema with the name of the role, beside existing tables in public',
      undefined,
      async ({ adminUrl, admin, role }) => {
        await ofPublic(adminUrl)
        await admin.unsafe(`create schema authorization ${role}`)
      },
      /\("\$user", public\) finds tables of Latchkey in the schema public, and new ones would go to role_/,
    ],
    [
      'the migration list of another program',
      undefined,
      async ({ admin, role }) => {
        await admin`create schema drizzle`
        await admin`create table drizzle.__drizzle_migrations (hash text, created_at bigint)`
        await admin`insert into drizzle.__drizzle_migrations values ('', 9999999999999)`
        await admin.unsafe(
          `grant usage on schema drizzle to ${role}; grant select on all tables in schema drizzle to ${role}`,
        )
      },
      /drizzle\.__drizzle_migrations lists migrations of another program.* give Latchkey a database or a schema/,
    ],
  ]
  const test = await buildTestApp(t)
  for (const [what, path, prepare, says] of cases) {
    const found = await databaseAndRole(t)
    await prepare(found)
    const tables = () => found.admin`select schemaname, tablename from pg_tables order by 1, 2`
    const before = await tables()
    const DATABASE_URL = path === undefined ? found.url : withPath(found.url, path)
    const starting = test.another({ DATABASE_URL, MIGRATE_ON_START: 'on' })
    await t.rejects(starting, { message: says }, what)
    await t.rejects(starting, { message: /^Postgres at \S+(, set in DATABASE_URL, cannot be used| says): / }, what)
    t.strictSame(await tables(), before, what)
  }
})

t.test('a start fails if DATABASE_URL leads to other tables than the ones that it migrated', async t => {
  const { admin, role, url, adminUrl } = await databaseAndRole(t)
  await admin.unsafe(`create schema a authorization ${role}`)
  const test = await buildTestApp(t)
  const env = { DATABASE_URL: adminUrl, DATABASE_MIGRATION_URL: withPath(url, 'a'), MIGRATE_ON_START: 'on' }
  const nothing =
    /set in DATABASE_URL, cannot be used: .* in the schema a, and its search_path \("\$user", public\) finds none/
  await t.rejects(test.another(env), { message: nothing })
  await t.rejects(test.another({ ...env, MIGRATE_ON_START: 'off' }), {
    message: /contains no tables .* "latchkey migrate"/,
  })
  await migrate({ url: adminUrl, caFile: undefined })
  await t.rejects(test.another(env), { message: /finds others in public: let its user use the schema a, and name it/ })
  await t.resolves(test.another({ ...env, DATABASE_URL: withPath(adminUrl, 'a') }))
})

t.test('behind PgBouncer the search_path of the database is used, and a search_path in the URL is refused', async t => {
  const test = await buildTestApp(t)
  const { admin, database, adminUrl } = await databaseAndRole(t)
  await admin.unsafe(`create schema a; alter database ${database} set search_path = a`)
  const through = await startPgBouncer(t, adminUrl)
  const { app } = await test.another({ DATABASE_URL: through, MIGRATE_ON_START: 'on', MAX_SESSIONS_PER_USER: '50' })
  await signInAndOut(t, app)
  t.strictSame(await schemasWith(admin, 'users'), ['a'])

  const start = (url: string) => test.another({ DATABASE_URL: url, MIGRATE_ON_START: 'on' })
  const refused = /^The pooler at \S+ refuses the parameter \w+, with which DATABASE_URL sets .* set it for the role/
  await t.rejects(start(withPath(through, 'b')), { message: refused })
  await t.rejects(start(`${through}?search_path=b`), { message: refused })

  const ignoring = await startPgBouncer(t, adminUrl, 'ignore_startup_parameters = search_path, options')
  for (const url of [withPath(ignoring, 'b'), `${ignoring}?search_path=b`])
    await t.rejects(
      start(url),
      { message: /sets the search_path b, but the connection has a, because a pooler ignores/ },
      url,
    )
})
