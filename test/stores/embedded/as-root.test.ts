import { chmod, cp, lstat, mkdir, readFile, readlink, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { findNativeFolder } from '../../../src/stores/embedded/native-folder.js'
import { placeNative } from '../../../src/stores/embedded/place-native.js'
import { refugeOf } from '../../../src/stores/embedded/refuge.js'
import { canEnter, runs, serverUser } from '../../../src/stores/embedded/server-user.js'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/stores/embedded/start-embedded-postgres.js'
import { makeFolder, postgresOf } from '../../support/servers/embedded-fixture.js'
import { query } from '../../support/servers/query.js'
import { quietLog } from '../../support/servers/quiet-log.js'

const user = serverUser()
const skip = user === undefined && 'only root gives its servers another user'

t.test('started by root, Postgres and its data belong to an unprivileged user', { skip }, async t => {
  const dataDir = join(await makeFolder(t), '.latchkey')
  const { stop } = await startEmbeddedPostgres({ dataDir, log: quietLog() })
  t.teardown(stop)
  t.match(await stat(join(dataDir, 'postgres/data')), user)
  const { pid } = await postgresOf(join(dataDir, 'postgres'))
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  t.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m)
  t.match(status, /^Groups:\t\s*(65534)?\s*$/m, 'and none of the groups of root')
})

t.test('in a folder that is closed to that user', { skip }, async t => {
  const closed = await makeFolder(t, { mode: 0o700 })
  const dataDir = join(closed, '.latchkey')
  const start = async () => {
    const log = quietLog()
    return { log, ...(await startEmbeddedPostgres({ dataDir, log })) }
  }
  const { log, ...first } = await start()
  const refuge = await refugeOf(dataDir)
  t.teardown(() => rm(refuge, { recursive: true, force: true }))
  await query(first.url, "create table notes as select 'kept' as note")
  await first.stop()

  t.test('the data is kept elsewhere, and one line says where', async t => {
    t.match(refuge, /^\/var\/lib\/latchkey\/[0-9a-f]{12}$/)
    t.same(
      log.lines.filter(line => line.includes(`in ${refuge}/postgres,`)),
      log.lines,
    )
    t.equal(log.lines.length, 1)
    t.equal(await readlink(join(dataDir, 'postgres')), join(refuge, 'postgres'))
    t.equal((await stat(refuge)).mode & 0o777, 0o711)
    t.equal((await stat(closed)).mode & 0o777, 0o700, 'and the folder stays closed')
  })

  t.test('the next start finds it', async t => {
    const second = await start()
    t.teardown(second.stop)
    t.same(await query(second.url, 'select note from notes'), [{ note: 'kept' }])
  })

  t.test('a folder that was moved does not start empty', async t => {
    const elsewhere = join(closed, 'elsewhere')
    await rename(dataDir, elsewhere)
    await t.rejects(startEmbeddedPostgres({ dataDir: elsewhere, log: quietLog() }), /was made at another path/)
    await rename(elsewhere, dataDir)
  })

  t.test('deleting the data folder starts afresh, with the old data set aside', async t => {
    await rm(dataDir, { recursive: true })
    const third = await start()
    t.teardown(third.stop)
    t.same(await query(third.url, "select to_regclass('notes') as notes"), [{ notes: null }])
    t.ok((await lstat(join(refuge, 'postgres.old/data'))).isDirectory())
  })
})

t.test('data that lies in a folder which was closed later is not started empty', { skip }, async t => {
  const folder = await makeFolder(t)
  const dataDir = join(folder, '.latchkey')
  const open: EmbeddedPostgres = await startEmbeddedPostgres({ dataDir, log: quietLog() })
  await open.stop()
  await chmod(folder, 0o700)
  await t.rejects(startEmbeddedPostgres({ dataDir, log: quietLog() }), /a folder above is closed to uid 65534/)
})

t.test('programs in a folder that is closed to that user run from a copy', { skip }, async t => {
  const closed = await makeFolder(t, { mode: 0o700 })
  const refuge = await refugeOf(closed)
  t.teardown(() => rm(refuge, { recursive: true, force: true }))
  const original = await findNativeFolder()
  const native = join(closed, 'package/native')
  await mkdir(native, { recursive: true })
  await cp(original, native, { recursive: true, verbatimSymlinks: true })
  await cp(join(original, '../package.json'), join(closed, 'package/package.json'))
  // As a careful umask would have left it.
  await chmod(join(native, 'bin'), 0o700)
  await chmod(join(native, 'bin/postgres'), 0o700)
  t.notOk(await runs(join(native, 'bin/postgres'), ['--version'], user))

  const place = await placeNative(native, refuge, user)
  t.match(place, join(refuge, 'native-'))
  for (const program of ['postgres', 'initdb']) t.ok(await runs(join(place, 'bin', program), ['--version'], user))
  t.equal((await stat(join(native, 'bin/postgres'))).mode & 0o777, 0o700, 'and the original keeps its mode')
  t.equal(await placeNative(native, refuge, user), place, 'and the next start finds it')
  t.ok(await canEnter(join(place, 'share/postgresql/timezone'), user))
})
