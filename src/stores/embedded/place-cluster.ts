import { lstat, readlink, rename, rm, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../log.js'
import { type Cluster, dataFolder } from './cluster.js'
import { findNativeFolder } from './native-folder.js'
import { placeNative } from './place-native.js'
import { makeRefuge, refugeOf } from './refuge.js'
import { canEnter, type ServerUser, serverUser } from './server-user.js'

/**
 * Decides where the programs and the data of the cluster in `dataDir` are: in the package and in `dataDir`, or, where
 * root starts us and a folder above is closed to the server's user, in a refuge that is named after the path of
 * `dataDir`. Nothing is initialised here.
 */
export async function placeCluster(dataDir: string, log: Log): Promise<Cluster> {
  const user = serverUser()
  const refuge = await refugeOf(dataDir)
  const folder = user === undefined ? join(dataDir, 'postgres') : await placeData(dataDir, refuge, user, log)
  const native = await placeNative(await findNativeFolder(), refuge, user)
  const cluster = { folder, binFolder: join(native, 'bin'), user }
  await refuseForeignOwner(cluster)
  return cluster
}

/**
 * `postgres` in the data folder is the data itself or a link to where it was moved. The link is what remembers: data
 * in the refuge that no link names belonged to a data folder which somebody has deleted since.
 */
async function placeData(dataDir: string, refuge: string, user: ServerUser, log: Log): Promise<string> {
  const own = join(dataDir, 'postgres')
  const moved = join(refuge, 'postgres')
  const link = await readLink(own)
  if (link === undefined) {
    if (await canEnter(dataDir, user)) return own
    if (await ownerOf(own)) {
      throw new Error(
        `The data of the embedded Postgres is in ${own}, but a folder above is closed to uid ${user.uid}, ` +
          'which it runs as. Give that folder the x permission for others again.',
      )
    }
    await makeRefuge(refuge)
    await setAside(moved, log)
    await symlink(moved, own)
  } else if (link !== moved) {
    throw new Error(
      `${own} was made at another path: it leads to ${link}. Move the folder back to where it was, ` +
        `or move the data to ${moved} and make the link lead there.`,
    )
  }
  log.info(`The embedded Postgres keeps its data in ${moved}, as uid ${user.uid} can't reach ${dataDir}.`)
  return moved
}

async function setAside(moved: string, log: Log): Promise<void> {
  if ((await ownerOf(moved)) === undefined) return
  const aside = `${moved}.old`
  await rm(aside, { recursive: true, force: true })
  await rename(moved, aside)
  log.warn(`Data of a deleted data folder was set aside as ${aside}.`)
}

async function refuseForeignOwner(cluster: Cluster): Promise<void> {
  const owner = await ownerOf(dataFolder(cluster))
  const expected = cluster.user?.uid ?? process.getuid?.()
  if (owner === undefined || owner.uid === expected) return
  throw new Error(
    `The data of the embedded Postgres in ${cluster.folder} belongs to uid ${owner.uid}, not to uid ${expected}. ` +
      'Start Latchkey as the user that started it first.',
  )
}

async function ownerOf(path: string): Promise<{ uid: number } | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function readLink(path: string): Promise<string | undefined> {
  const stats = await lstat(path).catch(() => undefined)
  return stats?.isSymbolicLink() ? readlink(path) : undefined
}
