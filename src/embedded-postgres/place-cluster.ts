import { access, chmod, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../log.js'
import { bringHome, finishBringingHome, whereItWasKept } from './bring-home.js'
import { type Cluster, dataFolder } from './cluster.js'
import { findNativeFolder } from './native-folder.js'
import { giveTree } from './own-tree.js'
import { placeNative } from './place-native.js'
import { choosePrivateUser, isFree, isPrivate } from './private-user.js'
import { refugeOf } from './refuge.js'
import { type ServerUser, startedByRoot } from './server-user.js'

/** Whom root ran Postgres as before it had a uid of its own. */
const FORMER_UID = 65_534

/**
 * Says where the cluster of `dataDir` is, always in its folder `postgres`, and whom it runs as: ourselves or, where root
 * starts us, a user that nothing else on this machine has. No server may run on it. Nothing is initialised here.
 */
export async function placeCluster(dataDir: string, log: Log): Promise<Cluster> {
  const folder = join(dataDir, 'postgres')
  const native = await findNativeFolder()
  if (!startedByRoot()) {
    const owner = await ownerOf(dataFolder({ folder }))
    if (owner !== undefined && owner !== process.getuid?.()) throw foreignOwner(folder, owner)
    return { folder, binFolder: join(native, 'bin'), user: undefined }
  }
  const user = await placeForRoot(dataDir, folder, log)
  return { folder, binFolder: join(await placeNative(native, await refugeOf(dataDir), user), 'bin'), user }
}

async function placeForRoot(dataDir: string, folder: string, log: Log): Promise<ServerUser> {
  await access('/proc/self/fd').catch(error => {
    const advice = 'Start Latchkey as another user, or set DATABASE_URL and REDIS_URL.'
    throw new Error(`Started by root, the embedded Postgres needs Linux and its /proc. ${advice}`, { cause: error })
  })
  await finishBringingHome(folder)
  const former = await whereItWasKept(dataDir, folder)
  const user = await settleUser(former ?? folder, log)
  if (former !== undefined) await bringHome(former, folder, user, log)
  return user
}

/**
 * The user that owns the data, which is how a cluster remembers it. A cluster whose uid something else has by now, or
 * that ran as `nobody`, is given to another.
 */
async function settleUser(folder: string, log: Log): Promise<ServerUser> {
  const data = dataFolder({ folder })
  const owner = await ownerOf(data)
  if (owner === undefined) return choosePrivateUser()
  await chmod(folder, 0o700)
  if (isPrivate(owner) && (await isFree(owner))) return { uid: owner, gid: owner }
  if (!isPrivate(owner) && owner !== FORMER_UID) throw foreignOwner(folder, owner)

  const user = await choosePrivateUser()
  log.info(`The data of the embedded Postgres goes from uid ${owner}, which others have, to uid ${user.uid}.`)
  // What an attempt that was killed gave away is private already.
  giveTree(data, user, uid => uid === owner || isPrivate(uid))
  return user
}

function foreignOwner(folder: string, owner: number): Error {
  return new Error(
    `The data of the embedded Postgres in ${folder} belongs to uid ${owner}, not to us (uid ${process.getuid?.()}). ` +
      'Start Latchkey as the user that started it first.',
  )
}

async function ownerOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).uid
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
