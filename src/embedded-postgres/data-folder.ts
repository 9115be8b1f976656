import { access, chmod, lstat, mkdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Log } from '../log.js'
import { findFormerFolder, finishMove, moveFromFormerFolder } from './earlier-version.js'
import { dataFolder, type Installation } from './installation.js'
import { findNativeFolder, findRunnablePrograms, rootOwnedDirOf } from './native-programs.js'
import { changeOwner, choosePrivateUser, isFree, isPrivate, type ServerUser, startedByRoot } from './server-user.js'

/**
 * Makes the data folder if it is missing, and closes it to everybody else.
 *
 * @returns its absolute path, free of links
 * @throws if it is another user's, or another user could lead us to any folder of ours
 */
export async function makeDataDir(dataDir: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const self = process.getuid?.()
  if (self !== undefined) await refuseLinksOfOthers(dataDir, self)
  const path = await realpath(dataDir)
  const owner = (await stat(path)).uid
  if (self !== undefined && owner !== self) {
    throw new Error(`${path} belongs to uid ${owner}, not to uid ${self}. Start Latchkey as the user that made it.`)
  }
  await chmod(path, 0o700)
  return path
}

async function refuseLinksOfOthers(dataDir: string, self: number): Promise<void> {
  for (let path = resolve(dataDir); path !== dirname(path); path = dirname(path)) {
    const stats = await lstat(path)
    if (!stats.isSymbolicLink() || stats.uid === 0 || stats.uid === self) continue
    throw new Error(`${path} is a link of uid ${stats.uid}, who could lead it to any folder. Set DATA_DIR without it.`)
  }
}

/** Whom root ran Postgres as before it had a uid of its own. */
const FORMER_UID = 65_534

/**
 * Says where the cluster of `dataDir` is, always in its folder `postgres`, and whom it runs as: ourselves or, where root
 * starts us, a user that nothing else on this machine has. No server may run on it. Nothing is initialised here.
 */
export async function locateInstallation(dataDir: string, log: Log): Promise<Installation> {
  const folder = join(dataDir, 'postgres')
  const native = await findNativeFolder()
  if (!startedByRoot()) {
    const owner = await ownerOf(dataFolder({ folder }))
    if (owner !== undefined && owner !== process.getuid?.()) throw wrongOwner(folder, owner)
    return { folder, binFolder: join(native, 'bin'), user: undefined }
  }
  const user = await locateForRoot(dataDir, folder, log)
  return {
    folder,
    binFolder: join(await findRunnablePrograms(native, await rootOwnedDirOf(dataDir), user), 'bin'),
    user,
  }
}

async function locateForRoot(dataDir: string, folder: string, log: Log): Promise<ServerUser> {
  await access('/proc/self/fd').catch(error => {
    const advice = 'Start Latchkey as another user, or set DATABASE_URL and REDIS_URL.'
    throw new Error(`Started by root, the embedded Postgres needs Linux and its /proc. ${advice}`, { cause: error })
  })
  await finishMove(folder)
  const former = await findFormerFolder(dataDir, folder)
  const user = await chooseOwner(former ?? folder, log)
  if (former !== undefined) await moveFromFormerFolder(former, folder, user, log)
  return user
}

/**
 * The user that owns the data, which is how a cluster remembers it. A cluster whose uid something else has by now, or
 * that ran as `nobody`, is given to another.
 */
async function chooseOwner(folder: string, log: Log): Promise<ServerUser> {
  const data = dataFolder({ folder })
  const owner = await ownerOf(data)
  if (owner === undefined) return choosePrivateUser()
  await chmod(folder, 0o700)
  if (isPrivate(owner) && (await isFree(owner))) return { uid: owner, gid: owner }
  if (!isPrivate(owner) && owner !== FORMER_UID) throw wrongOwner(folder, owner)

  const user = await choosePrivateUser()
  log.info(`The data of the embedded Postgres goes from uid ${owner}, which others have, to uid ${user.uid}.`)
  // What an attempt that was killed gave away is private already.
  changeOwner(data, user, uid => uid === owner || isPrivate(uid))
  return user
}

function wrongOwner(folder: string, owner: number): Error {
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
