import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'

// dist/ and whether it is a build of the sources as they are now. `.sources` in dist/ holds a hash of the sources. It is
// removed before the first file of a new build is moved into place, and written after the last. So an interrupted build
// never counts as complete, and two processes can build at the same time.

const root = resolve(import.meta.dirname, '..')
const dist = join(root, 'dist')
const STAMP = join(dist, '.sources')
const DRAFT = '.new-'

/** 'current', 'outdated', 'incomplete' or 'missing'. Without the sources, as in an image, what is there is current. */
export function stateOfDist() {
  if (!existsSync(join(dist, 'cli.js'))) return 'missing'
  if (!existsSync(join(root, 'src'))) return 'current'
  // Part of it may have been removed or, as in an incomplete copy, never have been there.
  const isComplete = existsSync(STAMP) && sources().every(path => existsSync(compiled(path)))
  if (!isComplete) return 'incomplete'
  return readFileSync(STAMP, 'utf8') === hashOfSources() ? 'current' : 'outdated'
}

/** The packages that the program needs and that are not in a node_modules folder here or above. */
export function missingPackages() {
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const folders = createRequire(join(root, 'package.json')).resolve.paths('x')
  return Object.keys(dependencies).filter(name => !folders.some(folder => existsSync(join(folder, name))))
}

/** Compiles in a moment, without checking types and without declarations. */
export async function buildFast() {
  const { build } = await import('esbuild')
  const entryPoints = sources().map(path => join(root, path))
  await install(draft =>
    build({
      entryPoints,
      outdir: draft,
      outbase: join(root, 'src'),
      format: 'esm',
      platform: 'node',
      target: 'node20',
      tsconfig: join(root, 'tsconfig.build.json'),
      logLevel: 'silent',
    }),
  )
}

/**
 * Checks the types and compiles with declarations, for the package.
 *
 * @returns the exit code of the compiler; only 0 changes dist/
 * @throws if the compiler is not installed: the message says what to do
 */
export async function buildWithTypes() {
  const tsc = findCompiler()
  // Incremental, the compiler would not write again what another build has replaced.
  const once = ['--incremental', 'false', '--tsBuildInfoFile', 'null']
  let status = 1
  await install(draft => {
    const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', draft, ...once]
    status = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1
    return status === 0
  })
  return status
}

function findCompiler() {
  try {
    return createRequire(import.meta.url).resolve('typescript/bin/tsc')
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error
    const advice = 'run "npm ci --include=dev && npm run build", and then, if you want, "npm prune --omit=dev"'
    throw new Error(`The compiler is not installed: ${advice}.`, { cause: error })
  }
}

/** Moves what `compile` writes to a draft folder into dist/, unless it returns false. */
async function install(compile) {
  const hash = hashOfSources()
  const draft = join(dist, DRAFT + process.pid)
  mkdirSync(draft, { recursive: true })
  try {
    if ((await compile(draft)) === false) return
    const built = filesIn(draft)
    rmSync(STAMP, { force: true })
    for (const path of built) {
      mkdirSync(dirname(join(dist, path)), { recursive: true })
      renameSync(join(draft, path), join(dist, path))
    }
    removeOthers(new Set(built))
    chmodSync(join(dist, 'cli.js'), 0o755)
    writeFileSync(join(draft, 'sources'), hash)
    renameSync(join(draft, 'sources'), STAMP)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** Removes the compiled form of sources that no longer exist, and the drafts of processes that were killed. */
function removeOthers(built) {
  for (const path of filesIn(dist)) {
    const [, pid] = /^\.new-(\d+)/.exec(path) ?? []
    const isKept = pid === undefined ? built.has(path) : runs(Number(pid))
    if (!isKept) rmSync(join(dist, path), { force: true })
  }
}

function runs(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function hashOfSources() {
  const hash = createHash('sha256')
  for (const path of [...sources(), 'tsconfig.json', 'tsconfig.build.json', 'scripts/dist.mjs']) {
    const content = readFileSync(join(root, path))
    hash.update(`${path}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

function sources() {
  return filesIn(join(root, 'src'))
    .filter(path => path.endsWith('.ts'))
    .map(path => join('src', path))
}

const compiled = path => join(dist, relative('src', path).replace(/\.ts$/, '.js'))

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
}
