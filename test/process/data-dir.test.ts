import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { startedByRoot } from '../../src/embedded-postgres/server-user.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'

const run = promisify(execFile)

t.test('a start with a DATA_DIR that cannot be used ends with one sentence that names it', async t => {
  const cwd = await makeFolder(t)
  await writeFile(join(cwd, 'file'), '')
  await symlink('nowhere', join(cwd, 'dangling'))
  await mkdir(join(cwd, 'home'), { mode: 0o755 })
  await writeFile(join(cwd, 'home', 'letter.txt'), '')
  const unusable = [
    ...(process.platform === 'linux' ? ['/proc/x', '/proc/x/y/z', '/proc', '/sys/x'] : []),
    ...['/dev/null', '/dev/null/x', 'file', 'file/x', 'dangling', '/', 'home', 'x'.repeat(256), 'x/'.repeat(3000)],
  ]
  await Promise.all(unusable.map(dataDir => refused(t, dataDir, { cwd })))
  t.equal((await stat(join(cwd, 'home'))).mode & 0o777, 0o755, 'a folder of other programs is not closed')
  t.equal((await stat('/')).mode & 0o111, 0o111, 'and neither is /')
})

t.test('a folder with files that only begin like those of a data folder is not closed', async t => {
  const cwd = await makeFolder(t)
  const foreign = [
    'postgresql-15-main',
    'postgres_backup',
    'postgres.new-mybackup',
    'secrets.json.bak',
    'latchkey.pid.old',
  ]
  for (const name of [...foreign, 'postgres.new-backup', 'postgres.logs', 'lost+found2']) {
    const dataDir = `of ${name}`
    await mkdir(join(cwd, dataDir, name), { recursive: true })
    await chmod(join(cwd, dataDir), 0o755)
    await refused(t, dataDir, { cwd })
    t.equal((await stat(join(cwd, dataDir))).mode & 0o777, 0o755)
    t.same(await readdir(join(cwd, dataDir)), [name])
  }
})

t.test('a folder postgres that is not a complete database is refused, and stays as it is', async t => {
  const cwd = await makeFolder(t)
  for (const [name, path] of [
    ['without data', 'postgres/password'],
    ['without a password', 'postgres/data/PG_VERSION'],
    ['of another program', 'postgres/16/main/PG_VERSION'],
    ['a file', 'postgres'],
  ] as const) {
    await mkdir(dirname(join(cwd, name, path)), { recursive: true })
    await writeFile(join(cwd, name, path), '16')
    await chmod(join(cwd, name), 0o755)
    const stderr = await refused(t, name, { cwd })
    t.match(
      stderr,
      /postgres is not a complete database of Latchkey .* is missing\): restore it from a backup, move it/,
    )
    t.equal((await stat(join(cwd, name))).mode & 0o777, 0o755)
    t.same(await readdir(join(cwd, name)), ['postgres'])
  }
})

t.test('a volume in the place of the database is named', { skip: !startedByRoot() }, async t => {
  const cwd = await makeFolder(t)
  const volume = join(cwd, 'data/postgres')
  await mkdir(volume, { recursive: true })
  try {
    await run('mount', ['-t', 'tmpfs', 'tmpfs', volume])
  } catch {
    return t.comment('This container is not allowed to mount a file system.')
  }
  t.teardown(() => run('umount', ['-l', volume]))
  t.match(await refused(t, join(cwd, 'data'), { cwd }), /data\/postgres is a mount point: mount the volume at/)
})

t.test('a user who cannot write to DATA_DIR gets one sentence', { skip: !startedByRoot() }, async t => {
  const cwd = await makeFolder(t)
  await chmod(cwd, 0o755)
  await mkdir(join(cwd, 'read-only'), { mode: 0o555 })
  await mkdir(join(cwd, 'closed'), { mode: 0o700 })
  const uid = 65534
  await mkdir(join(cwd, 'own'))
  await chown(join(cwd, 'own'), uid, uid)
  await chmod(join(cwd, 'own'), 0o500)
  const { code } = await runLatchkey(['--version'], { cwd, uid })
  if (code !== 0) return t.comment('Other users cannot read Node or the packages.')
  for (const dataDir of ['read-only/x', 'closed/x', 'read-only', 'new'])
    await refused(t, join(cwd, dataDir), { cwd: '/', uid })
})

t.test('a full disk is named', { skip: !startedByRoot() }, async t => {
  const cwd = await makeFolder(t)
  const disk = join(cwd, 'disk')
  await mkdir(disk)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk])
  } catch {
    return t.comment('This container is not allowed to mount a file system.')
  }
  t.teardown(() => run('umount', ['-l', disk]))
  await refused(t, join(disk, 'data'), { cwd })
})

t.test('an empty folder, and the root of a new file system, can be a DATA_DIR', async t => {
  const cwd = await makeFolder(t)
  await mkdir(join(cwd, 'volume/lost+found'), { recursive: true, mode: 0o755 })
  // The secrets are made before the configuration is checked.
  const { stderr } = await runLatchkey(['serve'], { cwd, env: { DATA_DIR: 'volume', JWT_EXPIRES_IN: 'canary' } })
  t.match(stderr, /JWT_EXPIRES_IN/)
  t.match(await readFile(join(cwd, 'volume/secrets.json'), 'utf8'), 'JWT_SECRET')
  t.equal((await stat(join(cwd, 'volume'))).mode & 0o777, 0o700)
})

async function refused(t: Test, dataDir: string, options: { cwd: string; uid?: number }): Promise<string> {
  const { code, stderr } = await runLatchkey(['serve'], { ...options, env: { DATA_DIR: dataDir, PORT: '0' } })
  t.equal(code, 1, dataDir.slice(0, 60))
  t.match(stderr, /^.*DATA_DIR.*\n$/, 'one line that names DATA_DIR')
  t.notMatch(stderr, /^ +at /m)
  return stderr
}
