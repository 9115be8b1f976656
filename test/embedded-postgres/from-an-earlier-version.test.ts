import { execFile } from 'node:child_process'
import {
  chmod,
  cp,
  lchown,
  link,
  lstat,
  mkdtemp,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { makeRootOwnedDir, rootOwnedDirOf } from '../../src/embedded-postgres/native-programs.js'
import { isPrivate, startedByRoot } from '../../src/embedded-postgres/server-user.js'
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start.js'
import { query } from '../support/servers/query.js'
import { quietLog } from '../support/servers/quiet-log.js'

// Started by root, an earlier version ran Postgres as `nobody`, and kept its data in the data folder or, if a folder above that
// was closed to `nobody`, in a folder of root under /var/lib/latchkey.

const run = promisify(execFile)

const NOBODY = 65_534
const skip = !startedByRoot() && 'only root has such a folder'
// That folder is on the file system of one of these, or of none.
const parents = [tmpdir(), '/dev/shm']
const template = skip === false ? makeTemplate() : Promise.resolve('')

t.test('data of an earlier version that ran as nobody is given to a private uid', { skip }, async t => {
  const dataDir = await oldDataDir(t, tmpdir())
  const data = join(dataDir, 'postgres/data')
  // The user nobody was able to put links to files of others there.
  const [others, inside] = [join(dataDir, 'of-root'), join(data, 'hard-link')]
  await writeFile(others, '', { mode: 0o600 })
  // Without the secrets, a folder with a file of others would be refused.
  await writeFile(join(dataDir, 'secrets.json'), '{}', { mode: 0o600 })
  await link(others, inside)
  await symlink(others, join(data, 'symbolic-link'))
  await writeFile(join(data, 'base/of-nobody'), '')
  await lchown(join(data, 'base/of-nobody'), NOBODY, NOBODY)

  const log = await keeps(t, dataDir)
  t.match(log, [
    /^info: Changing the owner of the embedded Postgres data from uid 65534, which other programs can use, to uid 6\d{4}\.$/,
  ])
  const { uid } = await stat(data)
  t.match(await stat(join(data, 'base/of-nobody')), { uid, gid: uid })
  t.match(await stat(others), { uid: 0, gid: 0 }, 'a file of another owner keeps its owner')
  t.equal((await stat(dataDir)).mode & 0o777, 0o700)
  t.equal((await stat(join(dataDir, 'postgres'))).mode & 0o777, 0o700)
  t.same(await keeps(t, dataDir), [], 'the next start has nothing left to do')
})

for (const parent of parents) {
  t.test(`data of an earlier version moves into ${parent}`, { skip: skip || (await isMissing(parent)) }, async t => {
    const dataDir = await oldDataDir(t, parent)
    const kept = await moveToRefuge(dataDir)
    const log = await keeps(t, dataDir)
    t.match(log, [
      /data from uid 65534/,
      `info: Moving the data of the embedded Postgres from ${kept} to ${dataDir}/postgres.`,
    ])
    t.ok((await lstat(join(dataDir, 'postgres'))).isDirectory())
    t.same((await readdir(dataDir)).sort(), ['postgres', 'postgres.log'])
    t.ok(await isMissing(kept), 'nothing of it stays there')
  })
}

t.test('a move of the data of an earlier version that was killed is completed by the next start', { skip }, async t => {
  for (const killed of ['while it copied', 'before it took the link away', 'after it took the link away']) {
    t.test(`a move that was killed ${killed} is completed`, async t => {
      const dataDir = await oldDataDir(t, tmpdir())
      const [place, kept] = [join(dataDir, 'postgres'), await moveToRefuge(dataDir)]
      if (killed === 'while it copied')
        await cp(join(kept, 'data/base'), `${place}.new-a1b2c3/data/base`, { recursive: true })
      else await rename(kept, `${place}.arriving`)
      if (killed === 'after it took the link away') await rm(place)
      await keeps(t, dataDir)
      t.ok((await lstat(place)).isDirectory())
      t.ok(await isMissing(kept))
    })
  }
})

t.test('a data folder that links to the data of another one is rejected', { skip }, async t => {
  const dataDir = await oldDataDir(t, tmpdir())
  const kept = await moveToRefuge(dataDir)
  const copy = await mkdtemp(join(tmpdir(), 'latchkey-copy-'))
  t.teardown(() => rm(copy, { recursive: true }))
  await cp(dataDir, copy, { recursive: true, verbatimSymlinks: true })
  const attempt = startEmbeddedPostgres({ dataDir: copy, log: quietLog() })
  await t.rejects(attempt, new RegExp(`is a symbolic link to ${kept}, the data of another DATA_DIR`))
  t.equal((await stat(join(kept, 'data'))).uid, NOBODY, 'and its data stay as they are')
})

t.test('data that belongs to any other user is rejected', { skip }, async t => {
  const dataDir = await oldDataDir(t, tmpdir(), 1000)
  await t.rejects(
    startEmbeddedPostgres({ dataDir, log: quietLog() }),
    /belongs to uid 1000, but Latchkey runs as uid 0/,
  )
})

/** A data folder with a note in it, as an earlier version would have left it. */
async function oldDataDir(t: Test, parent: string, owner = NOBODY): Promise<string> {
  const dataDir = await mkdtemp(join(parent, 'latchkey-old-'))
  const rootOwnedDir = await rootOwnedDirOf(dataDir)
  t.teardown(async () => {
    for (const folder of [dataDir, rootOwnedDir]) await rm(folder, { recursive: true, force: true })
  })
  await copy(join(await template, 'postgres'), join(dataDir, 'postgres'))
  for (const folder of [dataDir, join(dataDir, 'postgres')]) await chmod(folder, 0o711)
  await giveData(join(dataDir, 'postgres'), owner)
  return dataDir
}

/** A data folder with a note in it. */
async function makeTemplate(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'latchkey-template-'))
  t.teardown(() => rm(dataDir, { recursive: true }))
  const { url, stop } = await startEmbeddedPostgres({ dataDir, log: quietLog() })
  await query(url, "create table notes as select 'kept' as note")
  await stop()
  return dataDir
}

async function giveData(installation: string, owner: number): Promise<void> {
  await run('chown', ['-hR', `${owner}:${owner}`, join(installation, 'data')])
}

/** As root, which owns the copy. The programs take a tenth of the time of Node for the thousand files of a Postgres. */
async function copy(source: string, target: string): Promise<void> {
  await run('cp', ['-R', '--preserve=mode', source, target])
}

async function moveToRefuge(dataDir: string): Promise<string> {
  const rootOwnedDir = await rootOwnedDirOf(dataDir)
  await makeRootOwnedDir(rootOwnedDir)
  const kept = join(rootOwnedDir, 'postgres')
  await copy(join(dataDir, 'postgres'), kept)
  await giveData(kept, NOBODY)
  await rm(join(dataDir, 'postgres'), { recursive: true })
  await symlink(kept, join(dataDir, 'postgres'))
  return kept
}

/** Starts, checks that the note is there and that its owner is private, and stops; returns the log. */
async function keeps(t: Test, dataDir: string): Promise<string[]> {
  const log = quietLog()
  const { url, stop } = await startEmbeddedPostgres({ dataDir, log })
  try {
    t.same(await query(url, 'select note from notes'), [{ note: 'kept' }])
    t.ok(isPrivate((await stat(join(dataDir, 'postgres/data'))).uid))
  } finally {
    await stop()
  }
  return log.lines
}

async function isMissing(path: string): Promise<boolean> {
  return lstat(path).then(
    () => false,
    () => true,
  )
}
