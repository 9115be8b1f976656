import { join } from 'node:path'
import t from 'tap'
import { allMigrations } from '../../src/postgres/migrate.js'
import { externalStores } from '../support/external-stores.js'
import { runCommand } from '../support/run-latchkey.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { emptyDatabase } from '../support/test-database.js'

t.test('migrate names its database, and says what it did to the tables', async t => {
  const { env: given } = await externalStores(t)
  const { url } = await emptyDatabase(t)
  const env = { ...given, DATABASE_URL: url }
  const { host, pathname } = new URL(url)
  const stderr = `Database: Postgres at ${host}${pathname}\n`
  t.same(await runCommand(['migrate'], { env }), { code: 0, stdout: 'Created the tables.\n', stderr })
  t.same(await runCommand(['migrate'], { env }), { code: 0, stdout: 'The tables are up to date.\n', stderr })

  t.same(JSON.parse((await runCommand(['migrate', '--json'], { env })).stdout), {
    tables: 'up_to_date',
    migrations: 0,
    created_data_folder: null,
  })
})

t.test('migrate without a database that it can use exits with 4, as every command', async t => {
  const { env } = await externalStores(t)
  const url = new URL(env.DATABASE_URL!)
  url.pathname = '/no_such_database'
  t.match(await runCommand(['migrate'], { env: { ...env, DATABASE_URL: url.href } }), {
    code: 4,
    stdout: '',
    stderr: /^Database: .*\n(?!Latchkey stopped).*no_such_database.*\n$/,
  })
})

t.test('migrate counts the migrations that it applies, and names the database of DATABASE_MIGRATION_URL', async t => {
  const { env: given } = await externalStores(t)
  const { url, admin } = await emptyDatabase(t)
  await admin`create schema drizzle`
  await admin`create table drizzle.__drizzle_migrations (id serial primary key, hash text, created_at bigint)`
  const [last, ...earlier] = allMigrations().reverse()
  for (const { sql, hash, folderMillis } of earlier.reverse()) {
    for (const statement of sql) await admin.unsafe(statement)
    await admin`insert into drizzle.__drizzle_migrations (hash, created_at) values (${hash}, ${folderMillis})`
  }
  const env = { ...given, DATABASE_URL: 'postgres://nowhere.invalid/latchkey', DATABASE_MIGRATION_URL: url }
  const { host, pathname } = new URL(url)
  t.same(await runCommand(['migrate'], { env }), {
    code: 0,
    stdout: 'Updated the tables: 1 migration.\n',
    stderr: `Database: Postgres at ${host}${pathname}\n`,
  })
  const [newest] = await admin`select max(created_at) as at from drizzle.__drizzle_migrations`
  t.equal(Number(newest!.at), last!.folderMillis)
})

t.test('migrate warns before it creates a data folder because DATABASE_URL is not set', async t => {
  const cwd = await makeFolder(t)
  const folder = join(cwd, '.latchkey')
  const named = `Database: the embedded Postgres in ${folder}\n`
  const warning =
    `DATABASE_URL is not set, so this command creates an embedded Postgres in ${folder}. ` +
    'To migrate another database, export DATABASE_URL and REDIS_URL.'
  t.same(await runCommand(['migrate'], { cwd }), {
    code: 0,
    stdout: `Created the embedded Postgres in ${folder}.\nCreated the tables.\n`,
    stderr: `${named}${warning}\n`,
  })
  t.same(await runCommand(['migrate'], { cwd }), { code: 0, stdout: 'The tables are up to date.\n', stderr: named })

  const DATA_DIR = join(cwd, 'second')
  const { stdout, stderr } = await runCommand(['migrate', '--json'], { cwd, env: { DATA_DIR } })
  t.match(JSON.parse(stdout), { tables: 'created', created_data_folder: DATA_DIR })
  t.same(JSON.parse(stderr), { message: warning.replace(folder, DATA_DIR) })
  const third = join(cwd, 'third')
  const chosen = await runCommand(['migrate', '--embedded'], { cwd, env: { DATA_DIR: third } })
  t.match(chosen, { code: 0, stderr: `Database: the embedded Postgres in ${third}\n` }, '--embedded is a choice')
})
