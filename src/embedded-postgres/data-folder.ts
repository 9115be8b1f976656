import { access, chmod, lstat, mkdir, readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from '../lib/error-facts.js'
import type { Log } from '../lib/log.js'
import { findFormerFolder, finishMove, moveFromFormerFolder } from './earlier-version.js'
import { refuseIncompleteInstallation } from './incomplete-installation.js'
import { dataFolder, type Installation } from './installation.js'
import { findNativeFolder, findRunnablePrograms, rootOwnedDirOf } from './native-programs.js'
import { changeOwner, choosePrivateUser, isFree, isPrivate, type ServerUser, startedByRoot } from './server-user.js'

/**
 * Creates the data folder if it is missing, and closes it to all other users.
 *
 * @returns its absolute path without symbolic links
 * @throws if it belongs to another user, contains other files or an incomplete database, or its path contains a symbolic
 * link of another user
 */
export async function makeDataDir(dataDir: string): Promise<string> {
  await makeFolders(resolve(dataDir))
  const self = process.getuid?.()
  if (self !== undefined) await refuseLinksOfOthers(dataDir, self)
  const path = await realpath(dataDir)
  const { uid: owner, mode } = await stat(path)
  if (self !== undefined && owner !== self) {
    throw new Error(
      `${path} belongs to uid ${owner}, not to uid ${self}. Start Latchkey as the user who created it, or set DATA_DIR to ` +
        'another folder.',
    )
  }
  await refuseIncompleteInstallation(join(path, 'postgres'))
  if ((mode & 0o077) !== 0) {
    await refuseOtherFiles(path)
    await chmod(path, 0o700)
  }
  return path
}

/** As `mkdir -p`. That of Node never ends if the parent exists but cannot contain folders, as /proc. */
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST') return refuseFile(path)
    const parent = dirname(path)
    if (code !== 'ENOENT' || parent === path || (await exists(parent))) throw error
    await makeFolders(parent)
    await mkdir(path, { mode: 0o700 }).catch(error => {
      if (codeOf(error) !== 'EEXIST') throw error
    })
  }
}

async function refuseFile(path: string): Promise<void> {
  const isFolder = await stat(path).then(
    stats => stats.isDirectory(),
    () => false,
  )
  if (!isFolder) throw Object.assign(new Error(`${path} is not a folder.`), { code: 'ENOTDIR' })
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** The files of a data folder with their temporary forms, and what a new file system contains. */
const OUR_FILES = [
  /^secrets\.json(\.[0-9a-f]{12})?$/,
  /^postgres(\.log|\.arriving|\.new-\d+-[0-9a-f]{12})?$/,
  /^latchkey\.pid(\.turn|\.\d+\.[0-9a-z]*)?$/,
  /^lost\+found$/,
]
/** A temporary folder of an earlier version. Other names have this form too, so it counts only beside a database. */
const EARLIER_TEMPORARY = /^postgres\.new-[A-Za-z0-9]{6}$/

/** Closing a folder of other programs to all other users, such as /tmp or a home, would break these programs. */
async function refuseOtherFiles(path: string): Promise<void> {
  const names = await readdir(path)
  const forms = names.includes('postgres') ? [...OUR_FILES, EARLIER_TEMPORARY] : OUR_FILES
  const other = names.find(name => !forms.some(form => form.test(name)))
  if (other === undefined || names.includes('secrets.json')) return
  throw new Error(
    `The data folder ${path} contains other files (${other}): set DATA_DIR to a new folder, or to one that only ` +
      'Latchkey uses.',
  )
}

async function refuseLinksOfOthers(dataDir: string, self: number): Promise<void> {
  for (let path = resolve(dataDir); path !== dirname(path); path = dirname(path)) {
    const stats = await lstat(path)
    if (!stats.isSymbolicLink() || stats.uid === 0 || stats.uid === self) continue
    throw new Error(
      `${path} is a symbolic link of uid ${stats.uid}, who can point it to any folder. Set DATA_DIR to a path without it.`,
    )
  }
}

/** An earlier version ran Postgres as `nobody` when root started it. */
const FORMER_UID = 65_534

const UID_TIMEOUT_MS = 2_000
const UID_INTERVAL_MS = 20

/**
 * Returns the installation of `dataDir`, which is always in its folder `postgres`, and the user that it runs as: the
 * user of this process or, if that is root, a user that nothing else on this machine has. Changes the place or the owner
 * of existing data if necessary, so no server must be running on it. Does not create the installation.
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
    throw new Error(`If root starts it, the embedded Postgres needs Linux with /proc. ${advice}`, { cause: error })
  })
  await finishMove(folder)
  const former = await findFormerFolder(dataDir, folder)
  const user = await chooseOwner(former ?? folder, log)
  if (former !== undefined) await moveFromFormerFolder(former, folder, user, log)
  return user
}

/**
 * Returns the owner of the data, as the server always runs as the same user. If something else has this uid now, or it
 * is `nobody`, the data gets another owner.
 */
async function chooseOwner(folder: string, log: Log): Promise<ServerUser> {
  const data = dataFolder({ folder })
  const owner = await ownerOf(data)
  if (owner === undefined) return choosePrivateUser()
  await chmod(folder, 0o700)
  if (isPrivate(owner) && (await isFreeSoon(owner))) return { uid: owner, gid: owner }
  if (!isPrivate(owner) && owner !== FORMER_UID) throw wrongOwner(folder, owner)

  const user = await choosePrivateUser()
  log.info(
    `Changing the owner of the embedded Postgres data from uid ${owner}, which other programs can use, to uid ${user.uid}.`,
  )
  // A start that was killed meanwhile may have given some of the files to a private uid.
  changeOwner(data, user, uid => uid === owner || isPrivate(uid))
  return user
}

/** A killed server, and the shell that stops it with its parent, may need a moment to end. */
async function isFreeSoon(uid: number): Promise<boolean> {
  const deadline = Date.now() + UID_TIMEOUT_MS
  for (;;) {
    if (await isFree(uid)) return true
    if (Date.now() > deadline) return false
    await sleep(UID_INTERVAL_MS)
  }
}

function wrongOwner(folder: string, owner: number): Error {
  return new Error(
    `The data of the embedded Postgres in ${folder} belongs to uid ${owner}, but Latchkey runs as uid ${process.getuid?.()}. ` +
      'Start Latchkey as the user who started it first.',
  )
}

async function ownerOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).uid
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
