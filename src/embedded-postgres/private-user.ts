import { randomInt } from 'node:crypto'
import { isAssigned, numbersOfProcesses, uidsOfAccounts } from './numbers-in-use.js'
import type { ServerUser } from './server-user.js'

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
  const { uids, gids } = numbersOfProcesses()
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
export function borrowAccount({ gid }: ServerUser): ServerUser {
  const { uids: busy } = numbersOfProcesses()
  const isOfTheSystem = (uid: number) => (uid > 0 && uid <= LAST_OF_THE_SYSTEM) || uid === NOBODY
  const uid = uidsOfAccounts().find(each => isOfTheSystem(each) && !busy.has(each))
  if (uid !== undefined) return { uid, gid }
  throw new Error(
    'To make its database as root, the embedded Postgres needs an account in /etc/passwd that runs no program: ' +
      `one with a uid from 1 to ${LAST_OF_THE_SYSTEM}, or nobody (${NOBODY}). Add one, or start Latchkey as another user.`,
  )
}
