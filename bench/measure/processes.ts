import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Hundredths of a second: Linux reports CPU times in this unit on every machine (USER_HZ). */
const TICKS_PER_SECOND = 100

/**
 * The CPU time that a process, its descendants and its ended children have used so far, in seconds. From Linux.
 */
export function cpuSeconds(pid: number): number {
  return treeOf(pid).reduce((sum, each) => {
    // utime, stime, and those of ended children
    const ticks = statOf(each)?.slice(11, 15) ?? []
    return sum + ticks.reduce((total, value) => total + Number(value), 0) / TICKS_PER_SECOND
  }, 0)
}

/** The resident memory of a process, and what each of its descendants has besides that it shares with no other. In MB. */
export function memoryMegabytes(pid: number): number {
  const [first, ...others] = treeOf(pid)
  const kilobytes =
    kilobytesIn(`/proc/${first}/status`, 'VmRSS') + others.reduce((sum, each) => sum + ownKilobytes(each), 0)
  return kilobytes / 1024
}

/** The same, when what the start leaves to do is done. */
export async function memoryAtRest(pid: number): Promise<number> {
  await untilIdle(pid)
  return memoryMegabytes(pid)
}

const IDLE_WINDOW_MS = 500
/** A process that waits still has timers. */
const IDLE_PART = 0.1
const IDLE_TIMEOUT_MS = 60_000

/** Waits until a process takes less than a tenth of a core; after a minute, no longer. */
async function untilIdle(pid: number): Promise<void> {
  const deadline = Date.now() + IDLE_TIMEOUT_MS
  for (;;) {
    const before = cpuSeconds(pid)
    await sleep(IDLE_WINDOW_MS)
    if ((cpuSeconds(pid) - before) * 1000 < IDLE_WINDOW_MS * IDLE_PART || Date.now() > deadline) return
  }
}

function ownKilobytes(pid: number): number {
  const file = `/proc/${pid}/smaps_rollup`
  return kilobytesIn(file, 'Private_Clean') + kilobytesIn(file, 'Private_Dirty')
}

function kilobytesIn(file: string, name: string): number {
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(read(file) ?? '')?.[1] ?? 0)
}

/** The process and all its descendants. */
function treeOf(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? Number(statOf(Number(name))?.[1]) : Number.NaN
    if (!Number.isNaN(parent)) children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const tree = [pid]
  for (const each of tree) tree.push(...(children.get(each) ?? []))
  return tree
}

/** The fields of /proc/PID/stat after the name of the program, which can contain spaces: state, parent, … */
function statOf(pid: number): string[] | undefined {
  return read(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ')
}

/** Undefined if the process has ended meanwhile. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
