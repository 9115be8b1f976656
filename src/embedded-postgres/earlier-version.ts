import { existsSync } from 'node:fs'
import { chmod, cp, lstat, readlink, rename, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../log.js'
import { dataFolder, makeTemporaryFolder } from './installation.js'
import { rootOwnedDirOf } from './native-programs.js'
import { changeOwner, type ServerUser, syncTree } from './server-user.js'

// An earlier version kept the data of a data folder that `nobody` could not get to in a refuge under /var/lib, and left a link
// in its place. Here it comes home. It waits under `arriving`, complete, while the link is taken away; so there is the
// link with the data in the refuge, or the data at home or next to it, whenever the process is killed.

const arriving = (folder: string) => `${folder}.arriving`

/** The folder in the refuge that the place of the cluster is a link to; undefined where it is no link. */
export async function findFormerFolder(dataDir: string, folder: string): Promise<string | undefined> {
  const isLink = (await lstat(folder).catch(() => undefined))?.isSymbolicLink()
  if (!isLink) return undefined
  const link = await readlink(folder)
  if (link === join(await rootOwnedDirOf(dataDir), 'postgres')) return link
  throw new Error(
    `${folder} was made at another path: it leads to ${link}. Start Latchkey once where it was made, which moves the ` +
      'data here, or put the data in the place of the link.',
  )
}

/** Moves the data out of the refuge, across file systems if need be. */
export async function moveFromFormerFolder(former: string, folder: string, user: ServerUser, log: Log): Promise<void> {
  if (!existsSync(former)) {
    log.warn(`${folder} leads to ${former}, where nothing is. The embedded Postgres starts empty.`)
    return unlink(folder)
  }
  log.info(`The data of the embedded Postgres moves from ${former} to ${folder}.`)
  const isMoved = await renameWithin(former, arriving(folder))
  if (!isMoved) await rename(await copyBeside(folder, former, user), arriving(folder))
  await finishMove(folder)
  if (!isMoved) await rm(former, { recursive: true })
}

/** Ends what a killed process may have begun. */
export async function finishMove(folder: string): Promise<void> {
  if (!existsSync(arriving(folder))) return
  if ((await lstat(folder).catch(() => undefined))?.isSymbolicLink()) await unlink(folder)
  await rename(arriving(folder), folder)
}

/** Whether it could be renamed, which takes one file system. */
async function renameWithin(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EXDEV') return false
    throw error
  }
}

async function copyBeside(folder: string, former: string, user: ServerUser): Promise<string> {
  const draft = await makeTemporaryFolder(folder)
  await cp(former, draft, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  await chmod(draft, 0o700)
  changeOwner(dataFolder({ folder: draft }), user, uid => uid === 0)
  syncTree(draft)
  return draft
}
