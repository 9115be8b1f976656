import { spawnSync } from 'node:child_process'
import { readFileSync, watch } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

// `npm run test:one FILE` runs one test file. If it needs no Postgres and no Redis, it runs without tap's runner, which
// would start them. `npm run test:watch FILE` runs it again after every change.

const root = resolve(import.meta.dirname, '../..')
const compiled = join(root, '.test-build')
const SERVERS = join(compiled, 'test/support/servers/servers-file.js')
/** How long no file may change before the next run: editors and formatters write a file in several steps. */
const QUIET_MS = 100

const args = process.argv.slice(2)
const isWatching = args.includes('--watch')
const [file] = args.filter(arg => !arg.startsWith('--'))
if (!file) {
  process.stderr.write('Name a test: npm run test:one test/domain/judge-refresh-token.test.ts\n')
  process.exit(2)
}

const status = runOnce()
if (isWatching) watchAll()
else process.exitCode = status

function runOnce() {
  const compiling = spawnSync('node', ['test/support/compile.mjs'], { cwd: root, stdio: 'inherit' })
  if (compiling.status !== 0) return compiling.status ?? 1
  const main = join(compiled, relative(root, resolve(file)).replace(/\.ts$/, '.js'))
  const [program, options] = importsOf(main).has(SERVERS)
    ? ['npx', ['tap', file]]
    : ['node', ['--require=./test/support/run-compiled.cjs', file]]
  // Without the runner, tap knows nothing of the time limit in .taprc.
  const env = { TAP_TIMEOUT: '120', ...process.env }
  return spawnSync(program, options, { cwd: root, stdio: 'inherit', env }).status ?? 1
}

function watchAll() {
  let timer
  for (const folder of ['src', 'packages', 'test'])
    watch(join(root, folder), { recursive: true }, () => {
      clearTimeout(timer)
      timer = setTimeout(runOnce, QUIET_MS)
    })
}

/** The compiled files that a compiled file imports, directly or indirectly. */
function importsOf(path, found = new Set()) {
  if (found.has(path)) return found
  found.add(path)
  for (const [, specifier] of readFileSync(path, 'utf8').matchAll(/\b(?:from|import)\s*\(?\s*["'](\.[^"']+\.js)["']/g))
    importsOf(resolve(dirname(path), specifier), found)
  return found
}
