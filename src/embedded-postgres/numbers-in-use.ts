import { readdirSync, readFileSync } from 'node:fs'
import { runs } from './server-user.js'

/** The uids and gids, supplementary ones included, that the processes of this machine run with. */
export function numbersOfProcesses(): { uids: Set<number>; gids: Set<number> } {
  const uids = new Set<number>()
  const gids = new Set<number>()
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const status = readIfThere(`/proc/${pid}/status`)
    // A zombie has ended; in a container, its parent may never ask.
    if (/^State:\s+Z/m.test(status)) continue
    for (const number of numbersIn(status, 'Uid')) uids.add(number)
    for (const number of [...numbersIn(status, 'Gid'), ...numbersIn(status, 'Groups')]) gids.add(number)
  }
  return { uids, gids }
}

/** The uids that /etc/passwd names, in its order. */
export function uidsOfAccounts(): number[] {
  return [...readIfThere('/etc/passwd').matchAll(/^[^:#\n]+:[^:\n]*:(\d+):/gm)].map(([, uid]) => Number(uid))
}

/** Whether an account or a group has this number, one that comes over the network included. */
export async function isAssigned(number: number): Promise<boolean> {
  const answers = ['passwd', 'group'].map(database => runs('/usr/bin/getent', [database, String(number)]))
  return (await Promise.all(answers)).includes(true)
}

function numbersIn(status: string, field: string): number[] {
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
