import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { findNativeFolder, findRunnablePrograms, rootOwnedDirOf } from '../../src/embedded-postgres/native-programs.js'
import {
  chooseInitdbUser,
  choosePrivateUser,
  isFree,
  isPrivate,
  runs,
  startedByRoot,
} from '../../src/embedded-postgres/server-user.js'
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start.js'
import { makeFolder, postgresOf } from '../support/servers/embedded-fixture.js'
import { query } from '../support/servers/query.js'
import { quietLog } from '../support/servers/quiet-log.js'

const skip = !startedByRoot() && 'only root gives its servers another user'

t.test('root can start the embedded Postgres in a folder that is closed to all others', { skip }, async t => {
  const closed = await makeFolder(t, { mode: 0o700 })
  const dataDir = join(closed, '.latchkey')
  const log = quietLog()
  const start = (dataDir: string) => startEmbeddedPostgres({ dataDir, log })
  const first = await start(dataDir)
  t.teardown(first.stop)
  const { uid } = await stat(join(dataDir, 'postgres/data'))

  t.test('Postgres and its data, started by root, have a uid that nothing else uses', async t => {
    t.ok(isPrivate(uid))
    const { pid } = await postgresOf(join(dataDir, 'postgres'))
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    t.match(status, new RegExp(`^Uid:\t${uid}\t${uid}\t${uid}\t${uid}$`, 'm'))
    t.match(status, new RegExp(`^Gid:\t${uid}\t${uid}\t${uid}\t${uid}$`, 'm'))
    t.match(status, /^Groups:\t *$/m, 'none of the groups of root')
    t.not(await isFree(uid), true)
  })

  t.test('the data of Postgres, started by root, is in its folder, and all folders above stay closed', async t => {
    for (const folder of [closed, dataDir, join(dataDir, 'postgres')]) {
      t.match(await stat(folder), { uid: 0 })
      t.equal((await stat(folder)).mode & 0o777, 0o700, folder)
    }
  })

  t.test('the next start by root finds the data of Postgres, also at another path', async t => {
    await query(first.url, "create table notes as select 'kept' as note")
    await first.stop()
    const elsewhere = join(closed, 'elsewhere')
    await rename(dataDir, elsewhere)
    const second = await start(elsewhere)
    t.teardown(async () => {
      await second.stop()
      await rm(await rootOwnedDirOf(elsewhere), { recursive: true, force: true })
      await rename(elsewhere, dataDir)
    })
    t.same(await query(second.url, 'select note from notes'), [{ note: 'kept' }])
    t.equal((await stat(join(elsewhere, 'postgres/data'))).uid, uid, 'its owner is the same')
    t.same(log.lines, [])
  })

  t.test('a process that is about to end does not change its uid', async t => {
    // As the last processes of a killed server, and the shell that watched it, on a busy machine.
    const last = spawn('sleep', ['0.3'], { uid, gid: uid })
    await once(last, 'spawn')
    const server = await start(dataDir)
    t.teardown(server.stop)
    t.equal((await stat(join(dataDir, 'postgres/data'))).uid, uid)
    t.same(log.lines, [])
  })

  t.test('if something else runs with its uid, it goes to another', async t => {
    const other = spawn('sleep', ['600'], { uid: 1, gid: uid })
    t.teardown(() => other.kill())
    await once(other, 'spawn')
    const third = await start(dataDir)
    t.teardown(third.stop)
    t.same(await query(third.url, 'select note from notes'), [{ note: 'kept' }])
    const now = (await stat(join(dataDir, 'postgres/data'))).uid
    t.ok(isPrivate(now) && now !== uid)
    t.same(log.lines, [
      `info: Changing the owner of the embedded Postgres data from uid ${uid}, which other programs can use, to uid ${now}.`,
    ])
  })
})

t.test('initdb borrows an account that runs nothing', { skip }, async t => {
  const user = await choosePrivateUser()
  const borrowed = chooseInitdbUser(user)
  t.equal(borrowed.gid, user.gid)
  const program = spawn('sleep', ['600'], { uid: borrowed.uid, gid: borrowed.uid })
  t.teardown(() => program.kill())
  await once(program, 'spawn')
  t.not(chooseInitdbUser(user).uid, borrowed.uid)
})

t.test('Postgres programs in a folder that is closed to their user run from a copy', { skip }, async t => {
  const user = await choosePrivateUser()
  const closed = await makeFolder(t, { mode: 0o700 })
  const rootOwnedDir = await rootOwnedDirOf(closed)
  t.teardown(() => rm(rootOwnedDir, { recursive: true, force: true }))
  const original = await findNativeFolder()
  const native = join(closed, 'package/native')
  await mkdir(native, { recursive: true })
  await cp(original, native, { recursive: true, verbatimSymlinks: true })
  await cp(join(original, '../package.json'), join(closed, 'package/package.json'))
  // As a strict umask leaves it.
  await chmod(join(native, 'bin'), 0o700)
  await chmod(join(native, 'bin/postgres'), 0o700)
  t.notOk(await runs(join(native, 'bin/postgres'), ['--version'], user))

  const place = await findRunnablePrograms(native, rootOwnedDir, user)
  t.match(place, join(rootOwnedDir, 'native-'))
  for (const program of ['postgres', 'initdb']) t.ok(await runs(join(place, 'bin', program), ['--version'], user))
  t.equal((await stat(join(native, 'bin/postgres'))).mode & 0o777, 0o700, 'and the original keeps its mode')
  t.equal((await stat(rootOwnedDir)).mode & 0o777, 0o711)
  t.equal(await findRunnablePrograms(native, rootOwnedDir, user), place, 'and the next start finds it')
  t.ok(await runs('/bin/sh', ['-c', 'test -x "$1"', 'sh', join(place, 'share/postgresql/timezone')], user))
})
