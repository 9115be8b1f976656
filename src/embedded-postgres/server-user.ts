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
import { codeOf } from '../lib/error-facts.js'

/** The user that a server program runs as. */
export interface ServerUser {
  uid: number
  gid: number
}

/** Postgres refuses to run as root, so root must run it as another user. */
export const startedByRoot = () => process.getuid?.() === 0

/** Whether a program starts and succeeds, run as this user or as the user of this process. */
export function runs(program: string, args: readonly string[], user?: ServerUser): Promise<boolean> {
  return new Promise(resolve => {
    execFile(program, args, { cwd: '/', env: {}, timeout: 10_000, ...user }, error => resolve(error === null))
  })
}

/**
 * The first and the last private uid. No system assigns these uids (https://systemd.io/UIDS-GIDS/ lists them as unused,
 * and Debian's policy has no account there). A user namespace of the usual size contains them.
 */
const FIRST = 60_706
const LAST = 61_183

export const isPrivate = (uid: number) => uid >= FIRST && uid <= LAST

/** Chooses a user that no account, no group and no process of this machine has. It needs no name to run Postgres. */
export async function choosePrivateUser(): Promise<ServerUser> {
  const count = LAST - FIRST + 1
  const start = randomInt(count)
  for (let i = 0; i < count; i++) {
    const uid = FIRST + ((start + i) % count)
    if (await isFree(uid)) return { uid, gid: uid }
  }
  throw new Error(`Every uid from ${FIRST} to ${LAST} is in use. Start Latchkey as a user other than root.`)
}

/** Whether no account, group or process has this number, as a uid or as a gid. */
export async function isFree(uid: number): Promise<boolean> {
  const { uids, gids } = idsOfProcesses()
  return !uids.has(uid) && !gids.has(uid) && !(await isAssigned(uid))
}

const NOBODY = 65_534
const LAST_SYSTEM_UID = 999

/**
 * Chooses the user that `initdb` runs as. `initdb` requires a name for its uid, and a private uid has none. So it gets
 * the uid of a system account that runs no program at this moment, with the private gid. If that account starts a program
 * meanwhile, the program cannot read the memory of `initdb`: the kernel requires the same uid and the same gid for that.
 *
 * @throws if there is no such account
 */
export function chooseInitdbUser({ gid }: ServerUser): ServerUser {
  const { uids: busy } = idsOfProcesses()
  const isSystemUid = (uid: number) => (uid > 0 && uid <= LAST_SYSTEM_UID) || uid === NOBODY
  const uid = uidsOfAccounts().find(each => isSystemUid(each) && !busy.has(each))
  if (uid !== undefined) return { uid, gid }
  throw new Error(
    'Latchkey runs as root, so the embedded Postgres needs an account in /etc/passwd that runs no program: ' +
      `one with a uid from 1 to ${LAST_SYSTEM_UID}, or nobody (${NOBODY}). Add such an account, or start ` +
      'Latchkey as another user.',
  )
}

/** Returns the uids and gids of all running processes, including supplementary groups. */
function idsOfProcesses(): { uids: Set<number>; gids: Set<number> } {
  const uids = new Set<number>()
  const gids = new Set<number>()
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const status = readIfPresent(`/proc/${pid}/status`)
    // A zombie has ended. In a container, its parent may never remove it.
    if (/^State:\s+Z/m.test(status)) continue
    for (const number of idsIn(status, 'Uid')) uids.add(number)
    for (const number of [...idsIn(status, 'Gid'), ...idsIn(status, 'Groups')]) gids.add(number)
  }
  return { uids, gids }
}

/** Returns the uids of /etc/passwd, in its order. */
function uidsOfAccounts(): number[] {
  return [...readIfPresent('/etc/passwd').matchAll(/^[^:#\n]+:[^:\n]*:(\d+):/gm)].map(([, uid]) => Number(uid))
}

/** Whether an account or a group has this number, including accounts from the network, such as LDAP. */
async function isAssigned(number: number): Promise<boolean> {
  const answers = ['passwd', 'group'].map(database => runs('/usr/bin/getent', [database, String(number)]))
  return (await Promise.all(answers)).includes(true)
}

function idsIn(status: string, field: string): number[] {
  const line = status.match(new RegExp(`^${field}:(.*)$`, 'm'))?.[1] ?? ''
  return line.split(/\s+/).filter(Boolean).map(Number)
}

/** Returns an empty text if the file is missing: a process may end meanwhile. */
function readIfPresent(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/**
 * Gives a folder and everything in it to a user. The folder itself comes last, so its owner shows that all files below
 * have the new owner.
 *
 * The former owner may still run programs, and may have put links to other users' files there. So each file is opened
 * without following links, and changed only if `isTheirs` accepts its present owner.
 */
export function changeOwner(folder: string, user: ServerUser, isTheirs: (uid: number) => boolean): void {
  visit(folder, (file, { uid, gid }) => {
    if (isTheirs(uid) && (uid !== user.uid || gid !== user.gid)) fchownSync(file, user.uid, user.gid)
  })
}

/** Writes a folder and everything in it to disk. */
export async function syncToDisk(folder: string): Promise<void> {
  // On Linux, one call for the whole file system (syncfs) is much faster than one for each of a thousand files.
  const isSynced = process.platform === 'linux' && (await runs('/bin/sync', ['--file-system', folder]))
  if (!isSynced) visit(folder, file => fsyncSync(file))
}

// Synchronous: there are about a thousand files, and a start has nothing else to do meanwhile.
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
    // A link or a socket: Postgres creates neither here. A file can disappear only if its former owner still runs programs.
    if (['ELOOP', 'ENXIO', 'ENOENT'].includes(codeOf(error))) return undefined
    throw error
  }
}
