import { appendFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start.js'
import { ended, makeFolder, postgresOf, spawnEmbedded } from '../support/servers/embedded-fixture.js'
import { query } from '../support/servers/query.js'
import { quietLog } from '../support/servers/quiet-log.js'

t.test('an embedded database in a new folder is still there after a restart', async t => {
  const dataDir = join(await makeFolder(t), '.latchkey')
  const first = await startEmbeddedPostgres({ dataDir, log: quietLog() })
  await query(first.url, "create table notes as select 'kept' as note")
  await first.stop()
  await first.stop()

  const logFile = join(dataDir, 'postgres.log')
  await writeFile(logFile, Buffer.alloc(10 * 1024 * 1024 + 1, 'x'))
  const second = await startEmbeddedPostgres({ dataDir, log: quietLog() })
  t.teardown(second.stop)
  t.same(await query(second.url, 'select note from notes'), [{ note: 'kept' }])
  t.equal(second.dataDir, first.dataDir)
  t.ok((await stat(logFile)).size < 10_000, 'a log of more than 10 MB is replaced')
})

t.test('a running embedded Postgres', async t => {
  const dataDir = join(await makeFolder(t), '.latchkey')
  const { url, stop } = await startEmbeddedPostgres({ dataDir, log: quietLog() })
  t.teardown(stop)

  t.test('the embedded Postgres accepts no connection without its password', async t => {
    const { password, port } = new URL(url)
    t.ok(Buffer.from(password, 'base64url').length >= 32)
    for (const credentials of [
      'latchkey',
      'latchkey:',
      'latchkey:latchkey',
      'postgres',
      'nobody',
      `postgres:${password}`,
    ]) {
      const attempt = query(`postgres://${credentials}@127.0.0.1:${port}/latchkey`, 'select 1')
      await t.rejects(attempt, { code: '28P01' }, credentials.replace(password, '…'))
    }
    t.same(await query(url, 'select distinct auth_method from pg_hba_file_rules'), [{ auth_method: 'scram-sha-256' }])
  })

  t.test('the embedded Postgres listens on the loopback address only, and writes commits to disk', async t => {
    const settings = await query(
      url,
      `select string_agg(setting, '|' order by name) as settings from pg_settings
       where name in ('listen_addresses', 'unix_socket_directories', 'fsync', 'synchronous_commit', 'server_encoding')`,
    )
    t.same(settings, [{ settings: 'on|127.0.0.1|UTF8|on|' }])
  })

  t.test('the folder and the password of the embedded Postgres are closed to other users', async t => {
    const modeOf = async (path: string) => ((await stat(join(dataDir, path))).mode & 0o777).toString(8)
    for (const folder of ['.', 'postgres', 'postgres/data']) t.equal(await modeOf(folder), '700', folder)
    for (const file of ['postgres/password', 'postgres.log', 'latchkey.pid']) t.equal(await modeOf(file), '600', file)
    t.notOk((await readdir(join(dataDir, 'postgres'))).includes('initdb-password'))
  })

  t.test('a second process on the same data folder is rejected with the pid of the first', async t => {
    const { error } = await spawnEmbedded(t, dataDir).said
    t.match(error, `Process ${process.pid} already runs Latchkey on ${dataDir},`)
    t.same(await query(url, 'select 1 as one'), [{ one: 1 }], 'and the first goes on')
  })
})

t.test('an embedded start that fails reports what Postgres wrote, and releases the folder', async t => {
  const dataDir = join(await makeFolder(t), '.latchkey')
  await (await startEmbeddedPostgres({ dataDir, log: quietLog() })).stop()
  const conf = join(dataDir, 'postgres/data/postgresql.conf')
  const intact = await readFile(conf)
  await appendFile(conf, '\nwidth_of_a_circle = 4\n')
  await t.rejects(startEmbeddedPostgres({ dataDir, log: quietLog() }), /did not start.*width_of_a_circle/s)

  await writeFile(conf, intact)
  await (await startEmbeddedPostgres({ dataDir, log: quietLog() })).stop()
})

t.test('the service is told when the embedded Postgres ends unexpectedly', async t => {
  const dataDir = join(await makeFolder(t), '.latchkey')
  const log = quietLog()
  const heard = new Promise<Error>((resolve, reject) => {
    startEmbeddedPostgres({ dataDir, log, onExit: resolve }).then(async ({ stop }) => {
      t.teardown(stop)
      const server = await postgresOf(join(dataDir, 'postgres'))
      process.kill(server.pid, 'SIGKILL')
      await ended(server)
    }, reject)
  })
  t.match((await heard).message, 'ended unexpectedly with SIGKILL')
  t.match(log.lines.at(-1), /^error: .*SIGKILL/)
})

t.test('the incomplete data folder of a first start that was killed is removed, and no other folder', async t => {
  const dataDir = join(await makeFolder(t), '.latchkey')
  const first = spawnEmbedded(t, dataDir)
  const drafts = async () => (await readdir(dataDir).catch(() => [])).filter(name => name.startsWith('postgres.new-'))
  while ((await drafts()).length === 0);
  process.kill(first.pid, 'SIGKILL')
  await first.exited
  t.equal((await drafts()).length, 1)
  // Folders that people may have made, and an empty one in the place of the database.
  const others = ['postgres.new-backup', 'postgres.new-mybackup', 'postgres.new-1', 'postgres.new-1-20261231']
  for (const name of [...others, 'postgres']) await mkdir(join(dataDir, name))

  const second = await startEmbeddedPostgres({ dataDir, log: quietLog() })
  t.teardown(second.stop)
  t.same((await drafts()).sort(), others.sort())
  t.same(await query(second.url, 'select 1 as one'), [{ one: 1 }])
})
