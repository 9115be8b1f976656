import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  type Stats,
} from 'node:fs'
import { join } from 'node:path'

/** Whom a server program runs as. */
export interface ServerUser {
  uid: number
  gid: number
}

/** Postgres refuses to run as root, so that root has to give it another user. */
export const startedByRoot = () => process.getuid?.() === 0

/** Whether a program starts and succeeds, as that user or as ourselves. */
export function runs(program: string, args: readonly string[], user?: ServerUser): Promise<boolean> {
  return new Promise(resolve => {
    execFile(program, args, { cwd: '/', env: {}, timeout: 10_000, ...user }, error => resolve(error === null))
  })
}

/**
 * Numbers that no system gives to anybody (https://systemd.io/UIDS-GIDS/ lists them as unused, and Debian's policy has no
 * account there). They are in every user namespace of the usual size, too.
 */
const FIRST = 60_706
const LAST = 61_183

export const isPrivate = (uid: number) => uid >= FIRST && uid <= LAST

/** A user that nothing else on this machine has: no account, no group, and no process. It needs no name to run. */
export async function choosePrivateUser(): Promise<ServerUser> {
  const count = LAST - FIRST + 1
  const start = randomInt(count)
  for (let i = 0; i < count; i++) {
    const uid = FIRST + ((start + i) % count)
    if (await isFree(uid)) return { uid, gid: uid }
  }
  throw new Error(`Every uid from ${FIRST} to ${LAST} is in use. Start Latchkey as another user than root.`)
}

/** Whether nothing else has this uid, and nothing has it as a gid. */
export async function isFree(uid: number): Promise<boolean> {
  const { uids, gids } = idsOfProcesses()
  return !uids.has(uid) && !gids.has(uid) && !(await isAssigned(uid))
}

const NOBODY = 65_534
const LAST_OF_THE_SYSTEM = 999

/**
 * Whom initdb runs as. It insists on a name for its uid, which a private uid does not have, so it borrows the uid of an
 * account of the system that runs nothing at this moment. The private gid keeps the programs of that account from
 * looking into it, should one start meanwhile: the kernel wants both numbers to match.
 *
 * @throws if there is no such account
 */
export function chooseInitdbUser({ gid }: ServerUser): ServerUser {
  const { uids: busy } = idsOfProcesses()
  const isOfTheSystem = (uid: number) => (uid > 0 && uid <= LAST_OF_THE_SYSTEM) || uid === NOBODY
  const uid = uidsOfAccounts().find(each => isOfTheSystem(each) && !busy.has(each))
  if (uid !== undefined) return { uid, gid }
  throw new Error(
    'To make its database as root, the embedded Postgres needs an account in /etc/passwd that runs no program: ' +
      `one with a uid from 1 to ${LAST_OF_THE_SYSTEM}, or nobody (${NOBODY}). Add one, or start Latchkey as another user.`,
  )
}

/** The uids and gids, supplementary ones included, that the processes of this machine run with. */
function idsOfProcesses(): { uids: Set<number>; gids: Set<number> } {
  const uids = new Set<number>()
  const gids = new Set<number>()
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const status = readIfThere(`/proc/${pid}/status`)
    // A zombie has ended; in a container, its parent may never ask.
    if (/^State:\s+Z/m.test(status)) continue
    for (const number of idsIn(status, 'Uid')) uids.add(number)
    for (const number of [...idsIn(status, 'Gid'), ...idsIn(status, 'Groups')]) gids.add(number)
  }
  return { uids, gids }
}

/** The uids that /etc/passwd names, in its order. */
function uidsOfAccounts(): number[] {
  return [...readIfThere('/etc/passwd').matchAll(/^[^:#\n]+:[^:\n]*:(\d+):/gm)].map(([, uid]) => Number(uid))
}

/** Whether an account or a group has this number, one that comes over the network included. */
async function isAssigned(number: number): Promise<boolean> {
  const answers = ['passwd', 'group'].map(database => runs('/usr/bin/getent', [database, String(number)]))
  return (await Promise.all(answers)).includes(true)
}

function idsIn(status: string, field: string): number[] {
  const line = status.match(new RegExp(`^${field}:(.*)$`, 'm'))?.[1] ?? ''
  return line.split(/\s+/).filter(Boolean).map(Number)
}

/** A process may end while we look. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/**
 * Gives files and folders to a user, the uppermost last: its owner then tells that all below it are given.
 *
 * Whom they belonged to may still run, and may have put links to files of others there. So each is opened without
 * following a link, looked at, and given only if `isTheirs` says so of its owner.
 */
export function changeOwner(folder: string, user: ServerUser, isTheirs: (uid: number) => boolean): void {
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
