import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { codeOf } from '../lib/error-facts.js'

/** Identifies a process, and tells it apart from a later process with the same pid. */
export interface ProcessIdentity {
  pid: number
  /** The start time in clock ticks since boot. Null if the system has no /proc. */
  startedAt: string | null
}

/** Identifies a running process. Undefined if no process with this pid runs. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  if (!isPidInUse(pid)) return undefined
  const stat = readProc(pid, 'stat')
  if (stat === undefined) return { pid, startedAt: null }
  // The second field, the program's name, may contain spaces and brackets, so the fields are counted from its end. The
  // first of them is the state. A zombie has ended, but its parent has not removed it yet.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? undefined : { pid, startedAt: fields[19] ?? null }
}

/** Whether this process, and not a later one with the same pid, is running. */
export function stillRuns(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid)
  return now !== undefined && now.startedAt === identity.startedAt
}

/** The command line of a process, with spaces between its arguments. Empty if it cannot be read. */
export function commandLine(pid: number): string {
  const line = readProc(pid, 'cmdline')
  if (line !== undefined) return line.replaceAll('\0', ' ').trim()
  try {
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

/** Whether a process has this pid, including a zombie. */
export function isPidInUse(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: the process runs as another user.
    return codeOf(error) === 'EPERM'
  }
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return undefined
  }
}
