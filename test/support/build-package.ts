import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { whileLocked } from './while-locked.js'

const root = resolve(import.meta.dirname, '../..')
/** Git ignores it. */
const BUILDS = join(root, '.test-servers/builds')

/**
 * Builds the service in a folder as `npm run build` and `npm pack` do, without type checks: `npm run lint` does those.
 * Its node_modules contains the packages of this repository, as in the packed service.
 */
export async function buildService(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const [built] = await Promise.all([compileOnce('.'), installVerifier(folder), bundlePage(folder)])
  await cp(built, folder, { recursive: true })
  for (const name of ['package.json', 'drizzle']) await cp(join(root, name), join(folder, name), { recursive: true })
}

/**
 * Builds `@latchkey/verifier` and puts it into the node_modules of a folder, with what it needs, as `npm install` does.
 * Other packages are links to those of this repository.
 */
export async function installVerifier(folder: string, others: readonly string[] = []): Promise<void> {
  const modules = join(folder, 'node_modules')
  const verifier = join(modules, '@latchkey/verifier')
  await cp(await compileOnce('packages/verifier'), verifier, { recursive: true })
  await cp(join(root, 'packages/verifier/package.json'), join(verifier, 'package.json'))
  for (const name of ['eventsource-parser', ...others]) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(root, 'node_modules', name), join(modules, name))
  }
}

async function bundlePage(folder: string): Promise<void> {
  const { bundleAccountPage } = await import(pathToFileURL(join(root, 'scripts/account-page.mjs')).href)
  await bundleAccountPage(join(folder, 'dist/account-page'))
}

/**
 * Compiles a project once for all test files, until its sources change: for the service, that takes ten seconds of a core.
 *
 * @returns a folder with its `dist`
 */
async function compileOnce(project: string): Promise<string> {
  const name = basename(resolve(root, project))
  const folder = join(BUILDS, `${name}-${await digestOfSources()}`)
  await mkdir(BUILDS, { recursive: true })
  await whileLocked(join(BUILDS, `${name}.lock`), async () => {
    if (existsSync(folder)) return
    const earlier = (await readdir(BUILDS)).filter(entry => entry.startsWith(`${name}-`))
    for (const entry of earlier) await rm(join(BUILDS, entry), { recursive: true })
    await compile(project, `${folder}.new`)
    await rename(`${folder}.new`, folder)
  })
  return folder
}

async function digestOfSources(): Promise<string> {
  const digest = createHash('sha256')
  const sources = ['src', 'packages/verifier/src'].map(folder => filesIn(folder))
  const others = ['tsconfig.json', 'tsconfig.build.json', 'packages/verifier/tsconfig.build.json', 'package-lock.json']
  for (const path of [...(await Promise.all(sources)).flat(), ...others]) {
    const content = await readFile(join(root, path))
    digest.update(`${path}\0${content.length}\0`).update(content)
  }
  return digest.digest('hex').slice(0, 16)
}

/** The files below a folder of the repository, by their paths from its root. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile())
  return files.map(entry => relative(root, join(entry.parentPath ?? entry.path, entry.name))).sort()
}

async function compile(project: string, folder: string): Promise<void> {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const output = ['--outDir', join(folder, 'dist'), '--incremental', 'false', '--tsBuildInfoFile', 'null', '--noCheck']
  const args = [tsc, '-p', join(root, project, 'tsconfig.build.json'), ...output]
  await promisify(execFile)(process.execPath, args)
}
