import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { identifyProcess, type ProcessIdentity, stillRuns } from './process-identity.js'

export interface ProcessLock {
  release(): Promise<void>
}

const TURN_MAX_MS = 5_000

/** Another process holds the lock and is alive. */
export class LockHeld extends Error {
  constructor(readonly pid: number) {
    super(`Process ${pid} holds the lock.`)
    this.name = 'LockHeld'
  }
}

/**
 * Claims a file for this process. The file names its holder by pid and start time, so that the lock of a process that
 * was killed, or whose pid now belongs to another, counts as free.
 *
 * @throws {LockHeld} while its holder runs
 */
export async function acquireProcessLock(path: string): Promise<ProcessLock> {
  const mine = JSON.stringify(identifyProcess(process.pid))
  const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`
  await writeFile(draft, mine, { mode: 0o600, flag: 'wx' })
  try {
    // Linking makes the file appear with its content, so nobody ever reads half a lock.
    while (!(await linkIfFree(draft, path)) && !(await takeOver(draft, path)));
  } finally {
    await rm(draft, { force: true })
  }
  return {
    release: async () => {
      if ((await readIfThere(path)) === mine) await rm(path, { force: true })
    },
  }
}

async function linkIfFree(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Replaces the lock of a dead process. One process at a time looks and replaces, or two could replace each other's. */
async function takeOver(draft: string, path: string): Promise<boolean> {
  throwIfHeld(await readIfThere(path))
  const turn = `${path}.turn`
  if (!(await takeTurn(turn))) return false
  try {
    const seen = await readIfThere(path)
    if (seen === undefined) return false
    throwIfHeld(seen)
    await rename(draft, path)
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
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  // A turn takes a millisecond; a process that has not ended it in seconds was killed in it.
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

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
