import { execFileSync } from 'node:child_process'
import { cp, mkdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { findNativeFolder, restoreLibraryLinks } from '../../src/embedded-postgres/native-programs.js'
import { copyPackage } from '../support/servers/copy-package.js'

t.test('the Postgres programs of this platform are found and run', async t => {
  const native = await findNativeFolder()
  for (const program of ['postgres', 'initdb']) {
    t.match(execFileSync(join(native, 'bin', program), ['--version'], { encoding: 'utf8' }), /\(PostgreSQL\) 18\./)
  }
})

t.test('library links that an install without scripts left out are created', async t => {
  const folder = await copyPackage(join(await findNativeFolder(), '..'), join(t.testdir(), 'package'))
  const native = join(folder, 'native')
  const initdb = () => execFileSync(join(native, 'bin/initdb'), ['--version'], { stdio: 'pipe' })
  t.throws(initdb, /error while loading shared libraries/)
  await restoreLibraryLinks(native)
  t.match(initdb().toString(), 'PostgreSQL')
  await t.resolves(restoreLibraryLinks(native), 'a second time changes nothing')
  t.equal(await readlink(join(native, 'lib/libpq.so.5')), 'libpq.so.5.18')
})

t.test('the error names the link that could not be created in the package folder', async t => {
  const native = join(t.testdir(), 'native')
  await mkdir(native)
  await cp(join(await findNativeFolder(), 'pg-symlinks.json'), join(native, 'pg-symlinks.json'))
  // Without a lib folder nobody, root included, can make a link in it.
  await t.rejects(restoreLibraryLinks(native), /Postgres needs the link .*native\/lib\/.*could not be created/)
})
