import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t from 'tap'
import { compiledPath } from '../support/compiled-path.js'

const root = resolve(import.meta.dirname, '../..')

t.test('an old Node is refused in one line, before anything else is imported', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-node-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n')
  // Alone in their folder, so that any import would fail.
  await cp(compiledPath('src/cli.ts'), join(folder, 'cli.js'))
  await cp(join(root, 'scripts/start.mjs'), join(folder, 'start.mjs'))
  for (const program of ['cli.js', 'start.mjs'])
    for (const version of ['12.22.12', '18.20.8', '20.18.3']) {
      const pretend = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'${version}'})`
      const { code, stderr } = await run(['--import', pretend, join(folder, program)])
      t.equal(code, 1)
      t.equal(
        stderr,
        `Latchkey needs Node 22 or 24, and this is Node ${version}: install Node 24 (https://nodejs.org).\n`,
      )
    }
})

t.test('the programs have no static import, and nothing that Node 12 cannot parse', async t => {
  for (const path of [compiledPath('src/cli.ts'), join(root, 'scripts/start.mjs')]) {
    const code = (await readFile(path, 'utf8')).replace(/^\/\/.*$/gm, '')
    t.notMatch(code, /^\s*(import\s*[\w{*'"]|export )/m, path)
    t.notMatch(code, /\?\.|\?\?|\bawait\b|\|\|=|#\w+\s*[=(]/, path)
  }
})

function run(args: string[]): Promise<{ code: number; stderr: string }> {
  return new Promise(done => {
    // tap adds its loader to the environment of every Node process that a test spawns; env -i removes it.
    execFile('/usr/bin/env', ['-i', process.execPath, ...args], (error, _stdout, stderr) =>
      done({ code: error ? Number(error.code) : 0, stderr }),
    )
  })
}
