import {
  chmod,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises'
import { join } from 'node:path'
import { makeRefuge } from './refuge.js'
import { runs, type ServerUser } from './server-user.js'

/**
 * A folder with Postgres' programs that the server's user can run: the package's own or, if a folder above it is
 * closed to that user, a copy in the refuge.
 */
export async function placeNative(native: string, refuge: string, user: ServerUser | undefined): Promise<string> {
  if (user === undefined || (await startsFrom(native, user))) return native
  const manifest = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as { version: string }
  const place = join(refuge, `native-${manifest.version}`)
  if (await startsFrom(place, user)) return place

  await makeRefuge(refuge)
  const draft = await mkdtemp(`${place}.new-`)
  await copyForEverybody(native, draft)
  await rm(place, { recursive: true, force: true })
  await rename(draft, place)
  if (await startsFrom(place, user)) return place
  throw new Error(`uid ${user.uid} can run Postgres neither from ${native} nor from ${place}. Start as another user.`)
}

const startsFrom = (native: string, user: ServerUser) => runs(join(native, 'bin', 'postgres'), ['--version'], user)

async function copyForEverybody(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  await chmod(to, 0o755)
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name)
    const target = join(to, entry.name)
    if (entry.isDirectory()) await copyForEverybody(source, target)
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target)
    else await shareFile(source, target)
  }
}

async function shareFile(source: string, target: string): Promise<void> {
  const { mode } = await stat(source)
  const wanted = mode & 0o100 ? 0o755 : 0o644
  // A link costs nothing, but has its mode in common with the original, which is not ours to change.
  if ((mode & 0o755) === wanted && (await linkIfPossible(source, target))) return
  await copyFile(source, target)
  await chmod(target, wanted)
}

async function linkIfPossible(source: string, target: string): Promise<boolean> {
  return link(source, target).then(
    () => true,
    () => false,
  )
}
