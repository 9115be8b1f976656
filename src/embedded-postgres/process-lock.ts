import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from '../lib/error-facts.js'
import { identifyProcess, type ProcessIdentity, stillRuns } from './process-identity.js'

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
