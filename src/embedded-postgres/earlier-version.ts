import { existsSync } from 'node:fs'
import { chmod, cp, lstat, readlink, rename, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../lib/error-facts.js'
import type { Log } from '../lib/log.js'
import { dataFolder, makeTemporaryFolder } from './installation.js'
import { rootOwnedDirOf } from './native-programs.js'
import { changeOwner, type ServerUser, syncToDisk } from './server-user.js'

// An earlier version ran Postgres as `nobody`. If `nobody` could not reach the data folder, the data was kept in a folder
// under /var/lib/latchkey, and `DATA_DIR/postgres` was a symbolic link to it. The functions here move such data back into
// DATA_DIR. The complete data waits in `postgres.arriving` while the link is removed. So a process that is killed at any
// point leaves the link with its data, or the data in `postgres.arriving` or in `postgres`.

const arriving = (folder: string) => `${folder}.arriving`

/** The folder that the link in place of the installation points to. Undefined if there is no link. */
export async function findFormerFolder(dataDir: string, folder: string): Promise<string | undefined> {
  if (!(await isSymbolicLink(folder))) return undefined
  const link = await readlink(folder)
  if (link === join(await rootOwnedDirOf(dataDir), 'postgres')) return link
  throw new Error(
    `${folder} is a symbolic link to ${link}, the data of another DATA_DIR. Set DATA_DIR to that folder and ` +
      'start Latchkey once, which moves the data there; or replace the link with the data.',
  )
}

/** Moves the data back into the data folder, also from another file system. */
export async function moveFromFormerFolder(former: string, folder: string, user: ServerUser, log: Log): Promise<void> {
  if (!existsSync(former)) {
    log.warn(
      `${folder} is a link to ${former}, which does not exist. The embedded Postgres starts with an empty database.`,
    )
    return unlink(folder)
  }
  log.info(`Moving the data of the embedded Postgres from ${former} to ${folder}.`)
  const isMoved = await renameOnSameFileSystem(former, arriving(folder))
  if (!isMoved) await rename(await copyBeside(folder, former, user), arriving(folder))
  await finishMove(folder)
  if (!isMoved) await rm(former, { recursive: true })
}

/** Completes a move that a killed process may have started. */
export async function finishMove(folder: string): Promise<void> {
  if (!existsSync(arriving(folder))) return
  if (await isSymbolicLink(folder)) await unlink(folder)
  await rename(arriving(folder), folder)
}

/** Returns false if the two paths are on different file systems. */
async function renameOnSameFileSystem(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EXDEV') return false
    throw error
  }
}

async function copyBeside(folder: string, former: string, user: ServerUser): Promise<string> {
  const copy = await makeTemporaryFolder(folder)
  await cp(former, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  await chmod(copy, 0o700)
  changeOwner(dataFolder({ folder: copy }), user, uid => uid === 0)
  await syncToDisk(copy)
  return copy
}

async function isSymbolicLink(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isSymbolicLink() ?? false
}
