import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from '../lib/error-facts.js'

export interface ProcessLock {
  release(): Promise<void>
}

const TURN_MAX_MS = 5_000

/** Another running process holds the lock. */
export class LockHeld extends Error {
  constructor(readonly pid: number) {
    super(`Process ${pid} holds the lock.`)
    this.name = 'LockHeld'
  }
}

/**
 * Locks a file for this process. The file contains the pid and the start time of its holder. So the lock of a process
 * that was killed is free at once, even if another process has its pid.
 *
 * @throws {LockHeld} while its holder runs
 */
export async function acquireProcessLock(path: string): Promise<ProcessLock> {
  const mine = JSON.stringify(identifyProcess(process.pid))
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`
  await writeFile(temporary, mine, { mode: 0o600, flag: 'wx' })
  try {
    // A hard link makes the file appear with its content, so no process ever reads an incomplete lock.
    while (!(await linkIfFree(temporary, path)) && !(await takeOver(temporary, path)));
  } finally {
    await rm(temporary, { force: true })
  }
  return {
    release: async () => {
      if ((await readIfPresent(path)) === mine) await rm(path, { force: true })
    },
  }
}

/** The pid of the running process that holds this lock. Undefined if it is free. Changes nothing. */
export async function lockHolder(path: string): Promise<number | undefined> {
  const content = await readIfPresent(path)
  const holder = content === undefined ? undefined : parse(content)
  return holder !== undefined && stillRuns(holder) ? holder.pid : undefined
}

async function linkIfFree(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/**
 * Replaces the lock of a process that has ended. One process at a time checks and replaces it; otherwise two processes
 * could replace each other's new lock.
 */
async function takeOver(temporary: string, path: string): Promise<boolean> {
  throwIfHeld(await readIfPresent(path))
  const turn = `${path}.turn`
  if (!(await takeTurn(turn))) return false
  try {
    const content = await readIfPresent(path)
    if (content === undefined) return false
    throwIfHeld(content)
    await rename(temporary, path)
    return true
  } finally {
    await rm(turn, { recursive: true, force: true })
  }
}

async function takeTurn(turn: string): Promise<boolean> {
  try {
    await mkdir(turn)
    return true
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
  // A turn takes a millisecond. If it lasts for seconds, its process was killed.
  const { mtimeMs } = await stat(turn).catch(() => ({ mtimeMs: Date.now() }))
  if (Date.now() - mtimeMs > TURN_MAX_MS) await rm(turn, { recursive: true, force: true })
  else await sleep(5)
  return false
}

function throwIfHeld(content: string | undefined): void {
  const holder = content === undefined ? undefined : parse(content)
  if (holder !== undefined && stillRuns(holder)) throw new LockHeld(holder.pid)
}

function parse(content: string): ProcessIdentity | undefined {
  try {
    const { pid, startedAt = null } = JSON.parse(content) as Partial<ProcessIdentity>
    return typeof pid === 'number' ? { pid, startedAt } : undefined
  } catch {
    return undefined
  }
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

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
