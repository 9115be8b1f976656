import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { transform } from 'esbuild'
import { ACCOUNT_PAGE_FILES, bundleAccountPage } from '../../scripts/account-page.mjs'
import { bundleEdge, EDGE_BUNDLES } from '../../scripts/bundle-edge.mjs'
import { bundleCli } from './bundle-cli.mjs'

// Compiles sources, tests and scripts into `.test-build`, file by file, and only those that changed. It checks no
// types; `npm run lint` does. The packages of this repository are compiled too, and are what a compiled file finds by
// their names: `.test-build/node_modules` is nearer to it than `node_modules`.

const root = resolve(import.meta.dirname, '../..')
const target = '.test-build'

await removeOrphans()
const packages = await foldersIn('packages')
const folders = await Promise.all(
  ['src', 'test', 'scripts', 'bench', ...packages.map(path => join(path, 'src'))].map(filesIn),
)
const pageSources = folders.flat().filter(path => /^src\/account-page\/|^packages\/client\/src\//.test(path))
const sources = folders.flat().filter(path => path.endsWith('.ts') && !isOfBrowser(path))
await Promise.all([...sources.map(compile), ...packages.map(provide), bundlePage()])
await bundleProgram([
  'package-lock.json',
  'scripts/bundle-edge.mjs',
  ...sources.filter(source => /^(src|packages)\//.test(source)),
])

/** The account page is bundled. Tests compare only its texts with what the service has. */
function isOfBrowser(path) {
  return path.startsWith('src/account-page/') && !path.startsWith('src/account-page/texts/')
}

async function compile(source) {
  const path = join(root, source)
  const compiled = join(root, target, source.replace(/\.ts$/, '.js'))
  if ((await changedAt(compiled)) > (await changedAt(path))) return
  const { href } = pathToFileURL(path)
  const { code } = await transform(await readFile(path, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'node20',
    // Each function that a proof makes in each of its millions of steps would be given its name again.
    keepNames: !source.startsWith('test/proof/'),
    sourcemap: 'inline',
    sourcefile: href,
    // A compiled file that looks for other files beside itself must find those beside its source, but the bundle of
    // the edge is compiled too.
    define:
      source === 'src/cli/run-edge.ts'
        ? {}
        : { 'import.meta.url': JSON.stringify(href), 'import.meta.dirname': JSON.stringify(dirname(path)) },
  })
  await replaceFile(compiled, code)
}

/** The account page, where the service reads it. */
async function bundlePage() {
  const changes = await Promise.all(pageSources.map(source => changedAt(join(root, source))))
  const built = await Promise.all(ACCOUNT_PAGE_FILES.map(name => changedAt(join(root, 'dist/account-page', name))))
  if (Math.max(...changes) < Math.min(...built)) return
  await bundleAccountPage(join(root, 'dist/account-page'))
}

async function bundleProgram(programSources) {
  const bundle = join(root, target, 'bundle')
  const edge = EDGE_BUNDLES.map(({ name }) => join(root, target, 'src', name))
  const changed = Math.max(...(await Promise.all(programSources.map(source => changedAt(join(root, source))))))
  if (changed >= Math.min(...(await Promise.all(edge.map(changedAt)))))
    for (const { name, code } of await bundleEdge()) await replaceFile(join(root, target, 'src', name), code)
  if (changed >= (await changedAt(join(bundle, 'cli.mjs'))))
    await bundleCli(join(root, target, 'src/cli.js'), bundle, replaceFile)
}

/** Another run may be writing the same file, and one of its tests may be reading it. */
async function replaceFile(path, content) {
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}`
  await writeFile(draft, content)
  await rename(draft, path)
}

/** Lets compiled files import a package by its name. Its package.json names compiled sources instead of its build. */
async function provide(folder) {
  const manifest = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'))
  const json = JSON.stringify(manifest).replaceAll('"./dist/', '"./src/')
  await replaceFile(join(root, target, folder, 'package.json'), json)
  const link = join(root, target, 'node_modules', manifest.name)
  await mkdir(dirname(link), { recursive: true })
  await symlink(relative(dirname(link), join(root, target, folder)), link).catch(error => {
    if (error.code !== 'EEXIST') throw error
  })
}

/** Removes the compiled form of each source that no longer exists, so that no test can import it. */
async function removeOrphans() {
  const compiled = (await filesIn(target)).filter(path => path.endsWith('.js'))
  for (const path of compiled) {
    const source = relative(target, path).replace(/\.js$/, '.ts')
    if ((await changedAt(join(root, source))) === 0) await rm(join(root, path), { force: true })
  }
}

/** All files below a folder, by their paths from the root. */
async function filesIn(folder) {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter(entry => entry.isFile())
    .map(entry => relative(root, join(entry.parentPath, entry.name)))
    .filter(path => !path.startsWith('bench/node_modules/'))
}

/** The folders in a folder, by their paths from the root. */
async function foldersIn(folder) {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => [])
  return entries.filter(entry => entry.isDirectory()).map(({ name }) => join(folder, name))
}

/** When a file was changed, in milliseconds since the epoch; 0 if there is no such file. */
async function changedAt(path) {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
}
