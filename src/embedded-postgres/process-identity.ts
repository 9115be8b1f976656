import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process told apart from a later one that was given the same pid. */
export interface ProcessIdentity {
  pid: number
  /** Clock ticks from boot to the start of the process; null where the system has no /proc. */
  startedAt: string | null
}

/** Names a running process, or undefined if no such process runs. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  if (!isPidInUse(pid)) return undefined
  const stat = readProc(pid, 'stat')
  if (stat === undefined) return { pid, startedAt: null }
  // The second field, the program's name, may hold spaces and brackets, so the others are counted from its end. The
  // first of them is the state: a zombie has ended, its parent merely has not asked yet.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? undefined : { pid, startedAt: fields[19] ?? null }
}

/** Whether exactly this process still runs. */
export function stillRuns(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid)
  return now !== undefined && now.startedAt === identity.startedAt
}

/** The command line of a process, its arguments parted by spaces; empty if it can't be told. */
export function commandLine(pid: number): string {
  const line = readProc(pid, 'cmdline')
  if (line !== undefined) return line.replaceAll('\0', ' ').trim()
  try {
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

/** Whether anything has this pid, a zombie included. */
export function isPidInUse(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs, as another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return undefined
  }
}
