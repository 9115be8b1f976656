import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { transform } from 'esbuild'

// Compiles the sources, the tests and the scripts into `.test-build`, each file by itself, and only what has changed.
// Types are checked by `npm run lint`.

const root = resolve(import.meta.dirname, '../..')
const target = '.test-build'

await removeOrphans()
const folders = await Promise.all(['src', 'test', 'scripts'].map(filesIn))
const sources = folders.flat().filter(path => path.endsWith('.ts'))
await Promise.all(sources.map(compile))

async function compile(source) {
  const path = join(root, source)
  const compiled = join(root, target, source.replace(/\.ts$/, '.js'))
  if ((await changedAt(compiled)) > (await changedAt(path))) return
  const { href } = pathToFileURL(path)
  const { code } = await transform(await readFile(path, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'node20',
    keepNames: true,
    sourcemap: 'inline',
    sourcefile: href,
    // What a file looks for beside itself, it finds beside its source.
    define: { 'import.meta.url': JSON.stringify(href), 'import.meta.dirname': JSON.stringify(dirname(path)) },
  })
  await mkdir(dirname(compiled), { recursive: true })
  // Another run may compile the same file at this moment, and a test of it may read the file.
  const draft = `${compiled}.${process.pid}`
  await writeFile(draft, code)
  await rename(draft, compiled)
}

/** Removes what was compiled from a source that is gone: no test may go on with it. */
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
  return entries.filter(entry => entry.isFile()).map(entry => relative(root, join(entry.parentPath, entry.name)))
}

/** In milliseconds since the epoch; zero if there is no such file. */
async function changedAt(path) {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
}
