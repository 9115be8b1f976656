import { once } from 'node:events'
import { chown, mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startedByRoot } from '../../src/embedded-postgres/server-user.js'
import { externalStores } from '../support/external-stores.js'
import { findFreePort } from '../support/free-port.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { query } from '../support/servers/query.js'
import { testServers } from '../support/servers/test-servers.js'
import { startService } from '../support/service-process.js'

// One test waits ten seconds for Postgres; the others run at the same time.
t.jobs = 2

interface Failure {
  env: NodeJS.ProcessEnv
  args?: string[]
  says: RegExp
}

t.test('a start with an invalid configuration fails at once and names every mistake', async t => {
  const cwd = await makeFolder(t)
  const cases: Failure[] = [
    { env: { PORT: 'http', JWT_EXPIRES_IN: '5' }, says: /2 errors.*PORT.*JWT_EXPIRES_IN/s },
    {
      env: { NODE_ENV: 'production' },
      says: /DATABASE_URL.*only with --embedded.*REDIS_URL.*JWT_SECRET.*JWT_REFRESH_SECRET/s,
    },
    {
      env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' },
      says: /DATABASE_URL is not set.*in Kubernetes.*only with --embedded/s,
    },
    { env: { DATA_DIR: '/dev/null/here' }, says: /The data folder \/dev\/null\/here cannot be used .*set DATA_DIR/ },
  ]
  await Promise.all(cases.map(failure => fails(t, failure, cwd)))
})

t.test('a start that cannot use Postgres says why, without the password', { buffered: true }, async t => {
  const { env } = await externalStores(t)
  const closed = new URL(env.DATABASE_URL!)
  closed.port = String(await findFreePort())
  const wrong = new URL(env.DATABASE_URL!)
  wrong.password = 'canary-password'
  const absent = new URL(env.DATABASE_URL!)
  absent.pathname = '/no_such_database'
  const place = `${wrong.host}${wrong.pathname}`
  const cases: Failure[] = [
    {
      env: { DATABASE_URL: wrong.href },
      says: new RegExp(
        `Postgres at ${place} refuses the user or the password: correct DATABASE_URL or DATABASE_PASSWORD.`,
      ),
    },
    {
      env: { DATABASE_MIGRATION_URL: wrong.href },
      says: /refuses .* correct DATABASE_MIGRATION_URL or DATABASE_MIGRATION_PASSWORD\./,
    },
    {
      env: { DATABASE_URL: absent.href },
      says: /"no_such_database" does not exist.*Create it, or correct DATABASE_URL/,
    },
    {
      env: { DATABASE_URL: closed.href },
      says: new RegExp(`Postgres at ${closed.host}.* cannot be reached .*: start it, or correct DATABASE_URL`),
    },
  ]
  await Promise.all(cases.map(({ env: more, says }) => fails(t, { env: { ...env, ...more }, says })))
})

t.test('a start without tables names "latchkey migrate", which creates them', { buffered: true }, async t => {
  const { env } = await externalStores(t)
  const name = new URL(env.DATABASE_URL!).pathname.slice(1)
  const empty = `${name}_empty`
  await query(testServers().postgresUrl, `create database ${empty}`)
  t.teardown(() => query(testServers().postgresUrl, `drop database ${empty} with (force)`))
  const DATABASE_URL = env.DATABASE_URL!.replace(name, empty)
  await fails(t, { env: { ...env, DATABASE_URL, MIGRATE_ON_START: 'off' }, says: /run "latchkey migrate"/ })

  const migrated = await runLatchkey(['migrate'], { env: { ...env, DATABASE_URL } })
  t.same(migrated, { code: 0, stdout: 'Created the tables.\n', stderr: '' })
  const service = await startService(t, { env: { ...env, DATABASE_URL, MIGRATE_ON_START: 'off' } })
  t.equal(await service.stop('SIGINT'), 0)
})

t.test('with MIGRATE_ON_START=off, no instance starts on older tables', { buffered: true }, async t => {
  const { env, database } = await externalStores(t)
  const off = { ...env, MIGRATE_ON_START: 'off' }
  const [row] = await database.admin`select max(created_at) as newest from drizzle.__drizzle_migrations`
  await database.admin`update drizzle.__drizzle_migrations set created_at = created_at - 1`
  await fails(t, { env: off, says: /its tables are of an earlier version of Latchkey: run "latchkey migrate"/ })

  await database.admin`update drizzle.__drizzle_migrations set created_at = ${Number(row!.newest) + 1} where id = 1`
  const service = await startService(t, { env: off })
  t.match(service.output(), 'are of a newer version of Latchkey than this instance')
  t.equal(await service.stop('SIGINT'), 0)
})

t.test('a start whose database user cannot create tables says which right is missing', { buffered: true }, async t => {
  const { env, database } = await externalStores(t)
  const name = new URL(env.DATABASE_URL!).pathname.slice(1)
  await database.admin.unsafe(`create role ${name} login password 'canary-password'`)
  t.teardown(() => query(testServers().postgresUrl, `drop role ${name}`))
  const limited = new URL(env.DATABASE_URL!)
  limited.username = name
  limited.password = 'canary-password'
  await fails(t, {
    env: { ...env, DATABASE_URL: limited.href },
    says: /permission denied.*grant it CREATE.*DATABASE_MIGRATION_URL/s,
  })
})

t.test('a missing LOCATION_DATABASE file stops the service but no command', { buffered: true }, async t => {
  const stores = await externalStores(t)
  const env = { ...stores.env, LOCATION_DATABASE: '/no/such.mmdb' }
  await fails(t, { env, says: /LOCATION_DATABASE must be .*"\/no\/such.mmdb" cannot be read \(ENOENT\)/ })
  t.match(await runLatchkey(['sign-out-everyone'], { env }), { code: 0, stderr: '' })
})

t.test('a start on a port in use names the port and the PORT setting', { buffered: true }, async t => {
  const { env } = await externalStores(t)
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  await fails(t, {
    env: { ...env, PORT: String(port) },
    says: new RegExp(`Port ${port} of 127.0.0.1 is in use: .*set PORT to another`),
  })
})

t.test('a start with a data folder in use names the process that uses it', { buffered: true }, async t => {
  const cwd = await makeFolder(t)
  const service = await startService(t, { cwd })
  await fails(
    t,
    { env: { PORT: '0' }, says: new RegExp(`Process ${service.pid} already runs Latchkey on .*one process`) },
    cwd,
  )
  t.equal((await fetch(`${service.url}/readyz`)).status, 200, 'and the one that runs goes on')
})

t.test('a start with another user’s data folder is refused', { buffered: true, skip: !startedByRoot() }, async t => {
  const cwd = await makeFolder(t)
  await mkdir(join(cwd, '.latchkey'))
  await chown(join(cwd, '.latchkey'), 1, 1)
  await fails(t, { env: {}, says: /belongs to uid 1, not to uid 0/ }, cwd)
})

/** Expects exit code 1, the reason and the remedy on stderr, and no stack and no secret in the output. */
async function fails(t: Test, { env, args = ['serve'], says }: Failure, cwd?: string): Promise<void> {
  const { code, stdout, stderr } = await runLatchkey(args, { env, ...(cwd !== undefined && { cwd }) })
  t.equal(code, 1, says.source)
  t.match(stderr, says)
  t.notMatch(stderr, /^ +at /m, 'no stack')
  t.notMatch(stdout + stderr, /canary-password/)
}
