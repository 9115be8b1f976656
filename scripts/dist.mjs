import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { ACCOUNT_PAGE_FILES, bundleAccountPage } from './account-page.mjs'
import { bundleEdge, EDGE_BUNDLES } from './bundle-edge.mjs'

// dist/ of the service and of each package in packages/, and whether each is a build of the sources as they are now.
// `.sources` in dist/ holds a hash of the sources. It is removed before the first file of a new build is moved into
// place, and written after the last. So an interrupted build never counts as complete, and two processes can build at
// the same time.

const root = resolve(import.meta.dirname, '..')
const DRAFT = '.new-'
const BUILD_SCRIPTS = ['scripts/dist.mjs', 'scripts/account-page.mjs']

/** The packages first, because the service imports them. */
const projects = [...packages(), { folder: '', main: 'cli.js', bundles: EDGE_BUNDLES }].map(project => {
  const dist = join(root, project.folder, 'dist')
  return { ...project, src: join(project.folder, 'src'), dist, stamp: join(dist, '.sources') }
})

/** The account page, which the service contains as bundles for browsers, and the package that is bundled with it. */
const PAGE = join('src', 'account-page')
const PAGE_SOURCES = [PAGE, join('packages', 'client', 'src')]

/**
 * The first dist/ that is not a build of its sources, and what it is: 'outdated', 'incomplete' or 'missing'. Undefined
 * if all are current. Without the sources, as in an image, what is there is current.
 */
export function findUnbuilt() {
  return projects.map(unbuilt).find(found => found)
}

function unbuilt(project) {
  const state = stateOf(project)
  return state === 'current' ? undefined : { state, folder: `${relative(root, project.dist)}/` }
}

function stateOf(project) {
  if (!existsSync(join(project.dist, project.main))) return 'missing'
  if (!existsSync(join(root, project.src))) return 'current'
  // Part of it may have been removed or, as in an incomplete copy, never have been there.
  const outputs = [...sourcesOf(project).map(path => compiled(project, path)), ...pageFiles(project, project.dist)]
  if (hasBundles(project)) outputs.push(...project.bundles.map(({ name }) => join(project.dist, name)))
  const isComplete = existsSync(project.stamp) && outputs.every(path => existsSync(path))
  if (!isComplete) return 'incomplete'
  return readFileSync(project.stamp, 'utf8') === hashOfSources(project) ? 'current' : 'outdated'
}

/** Whether bundles are made too. Part of the sources can be there alone. */
function hasBundles({ bundles = [] }) {
  return bundles.length > 0 && bundles.every(({ source }) => existsSync(join(root, source)))
}

function packages() {
  const names = existsSync(join(root, 'packages')) ? readdirSync(join(root, 'packages')) : []
  const folders = names.map(name => join('packages', name)).filter(path => existsSync(join(root, path, 'package.json')))
  return folders.map(folder => ({ folder, main: 'index.js' }))
}

/** The packages that the program needs and that are not in a node_modules folder here or above. */
export function missingPackages() {
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const folders = createRequire(join(root, 'package.json')).resolve.paths('x')
  return Object.keys(dependencies).filter(name => !folders.some(folder => existsSync(join(folder, name))))
}

/** Compiles in a moment what is not current, without checking types and without declarations. */
export async function buildFast() {
  const { build } = await import('esbuild')
  const compileAll = project =>
    install(project, draft =>
      Promise.all([
        build({
          entryPoints: sourcesOf(project).map(path => join(root, path)),
          outdir: draft,
          outbase: join(root, project.src),
          format: 'esm',
          platform: 'node',
          target: 'node20',
          tsconfig: join(root, project.folder, 'tsconfig.build.json'),
          logLevel: 'silent',
        }),
        bundlePage(project, draft),
      ]),
    )
  await Promise.all(projects.filter(unbuilt).map(compileAll))
}

/**
 * Checks the types and compiles with declarations, for the packages that others install.
 *
 * @param only the folder of the package; without it, everything
 * @returns the exit code of the compiler; only 0 changes a dist/
 * @throws if the compiler is not installed: the message says what to do
 */
export async function buildWithTypes(only) {
  const tsc = findCompiler()
  // Incremental, the compiler would not write again what another build has replaced.
  const once = ['--incremental', 'false', '--tsBuildInfoFile', 'null']
  for (const project of projects.filter(({ folder }) => only === undefined || folder === only)) {
    let status = 1
    await install(project, async draft => {
      const args = [tsc, '-p', join(root, project.folder, 'tsconfig.build.json'), '--outDir', draft, ...once]
      status = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1
      if (status !== 0) return false
      await bundlePage(project, draft)
    })
    if (status !== 0) return status
  }
  return 0
}

/** The service contains the account page; its packages do not. */
async function bundlePage(project, draft) {
  if (hasPage(project)) await bundleAccountPage(join(draft, 'account-page'))
}

function pageFiles(project, dist) {
  return hasPage(project) ? ACCOUNT_PAGE_FILES.map(name => join(dist, 'account-page', name)) : []
}

function hasPage({ folder }) {
  return folder === '' && existsSync(join(root, PAGE))
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

/** Moves what `compile` writes to a draft folder into the dist/ of a project, unless it returns false. */
async function install(project, compile) {
  const { dist, stamp } = project
  const hash = hashOfSources(project)
  const draft = join(dist, DRAFT + process.pid)
  mkdirSync(draft, { recursive: true })
  try {
    if ((await compile(draft)) === false) return
    if (hasBundles(project)) for (const { name, code } of await bundleEdge()) writeFileSync(join(draft, name), code)
    const built = filesIn(draft)
    rmSync(stamp, { force: true })
    for (const path of built) {
      mkdirSync(dirname(join(dist, path)), { recursive: true })
      renameSync(join(draft, path), join(dist, path))
    }
    removeOthers(dist, new Set(built))
    if (project.main === 'cli.js') chmodSync(join(dist, project.main), 0o755)
    writeFileSync(join(draft, 'sources'), hash)
    renameSync(join(draft, 'sources'), stamp)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** Removes the compiled form of sources that no longer exist, and the drafts of processes that were killed. */
function removeOthers(dist, built) {
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

function hashOfSources(project) {
  const hash = createHash('sha256')
  const own = join(project.folder, 'tsconfig.build.json')
  const page = hasPage(project) ? PAGE_SOURCES.flatMap(pathsIn) : []
  const sources = new Set([...sourcesOf(project), ...page, ...bundledWith(project)])
  for (const path of [...sources, 'tsconfig.json', own, ...BUILD_SCRIPTS]) {
    const content = readFileSync(join(root, path))
    hash.update(`${path}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/** What the bundles contain from elsewhere, and what they are made by. The lock file has the versions of the packages. */
function bundledWith(project) {
  if (!hasBundles(project)) return []
  const others = projects.filter(other => other !== project).flatMap(sourcesOf)
  return [...others, 'package-lock.json', 'scripts/bundle-edge.mjs'].filter(path => existsSync(join(root, path)))
}

function sourcesOf({ src }) {
  return pathsIn(src).filter(path => path.endsWith('.ts') && !path.startsWith(PAGE))
}

function compiled({ src, dist }, path) {
  return join(dist, relative(src, path).replace(/\.ts$/, '.js'))
}

/** The files below a folder of the repository, by their paths from its root. */
function pathsIn(folder) {
  return filesIn(join(root, folder)).map(path => join(folder, path))
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
}
