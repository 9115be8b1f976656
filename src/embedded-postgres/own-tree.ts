import { closeSync, constants, fchownSync, fstatSync, fsyncSync, openSync, readdirSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import type { ServerUser } from './server-user.js'

/**
 * Gives files and folders to a user, the uppermost last: its owner then tells that all below it are given.
 *
 * Whom they belonged to may still run, and may have put links to files of others there. So each is opened without
 * following a link, looked at, and given only if `isTheirs` says so of its owner.
 */
export function giveTree(folder: string, user: ServerUser, isTheirs: (uid: number) => boolean): void {
  visit(folder, (file, { uid, gid }) => {
    if (isTheirs(uid) && (uid !== user.uid || gid !== user.gid)) fchownSync(file, user.uid, user.gid)
  })
}

/** Writes everything in a folder to disk. */
export function syncTree(folder: string): void {
  visit(folder, file => fsyncSync(file))
}

// At once and not one promise each: there are a thousand files, and nothing else to do at a start.
function visit(path: string, act: (file: number, stats: Stats) => void): void {
  const file = openUnlessLink(path)
  if (file === undefined) return
  try {
    const stats = fstatSync(file)
    if (stats.isDirectory()) for (const name of readdirSync(path)) visit(join(path, name), act)
    act(file, stats)
  } finally {
    closeSync(file)
  }
}

function openUnlessLink(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    // A link, or a socket: neither is Postgres' own. A file may vanish only while its owner still runs.
    if (['ELOOP', 'ENXIO', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
