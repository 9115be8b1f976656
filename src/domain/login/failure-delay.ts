import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { LatchkeyError } from '../../lib/errors.js'

export interface FailureDelayOptions {
  /** How long after it came a failed sign-in is answered, in milliseconds; 0 turns the schedule off. */
  delayMs: number
  /** Told once, if a verification takes longer than the delay covers; with the delay that is used instead. */
  onTooShort?: ((usedMs: number) => void) | undefined
  /** The time by a clock that never jumps, in milliseconds. */
  now?: (() => number) | undefined
  /** Resolves at a moment of that clock. */
  until?: ((momentMs: number) => Promise<void>) | undefined
}

/**
 * Says when failed sign-ins are answered: at moments that depend on nothing but when they came, and on how many others
 * are under way for the same name. How long the hash took, whether a row was written and who waited for it tells nobody
 * who has an account. A refusal for other reasons waits a moment, which covers the look for the account. A success is
 * answered at once.
 */
export interface FailureDelay {
  /** Runs a sign-in that came just now, and holds its refusal back until its moment. */
  run<Result>(signIn: (joinQueue: JoinQueue) => Promise<Result>): Promise<Result>
  /** Learns how long a verification of this kind of hash takes. */
  observe(kind: string, tookMs: number): void
}

/** Puts a sign-in behind those that are under way for the same name, or for whatever else attempts are counted by. */
export type JoinQueue = (name: string) => void

/** What is refused before the password is looked at: by a limit, or as there is no place for a hash. */
const QUICK_REFUSALS: ReadonlySet<string> = new Set(['rate_limited', 'busy'])
const QUICK_MS = 20
/** Of the slowest verification. The rest is for what is slower still, and for the statements. */
export const FAILURE_DELAY_MARGIN = 1.25
/** However long a line is, nobody in it waits longer, and a graceful end has more patience than this. */
const LONGEST_WAIT_MS = 10_000

export function createFailureDelay(options: FailureDelayOptions): FailureDelay {
  const { delayMs, onTooShort, now = () => performance.now(), until = exactly } = options
  if (delayMs === 0) return { run: signIn => signIn(() => {}), observe: () => {} }
  const slowestMs = new Map<string, number>()
  let stepMs = delayMs
  let warned = false
  /** Of each name with sign-ins under way, the moments at which their failures are answered. */
  const lines = new Map<string, number[]>()

  /**
   * Attempts on one account wait for its row and for their hashes, those on an unknown name do not. So the failures of
   * one name are a step apart: longer than any of them takes, and the same for every name.
   */
  function join(name: string, cameAtMs: number): { momentMs: number; leave(): void } {
    const line = lines.get(name) ?? []
    const lastMs = cameAtMs + stepMs * Math.max(1, Math.floor(LONGEST_WAIT_MS / stepMs))
    const momentMs = Math.min(Math.max(cameAtMs, ...line) + stepMs, lastMs)
    line.push(momentMs)
    lines.set(name, line)
    const leave = () => {
      line.splice(line.indexOf(momentMs), 1)
      if (line.length === 0) lines.delete(name)
    }
    return { momentMs, leave }
  }

  return {
    async run(signIn) {
      const cameAtMs = now()
      let place = { momentMs: cameAtMs + stepMs, leave: () => {} }
      try {
        return await signIn(name => {
          place = join(name, cameAtMs)
        })
      } catch (error) {
        const code = error instanceof LatchkeyError ? error.code : undefined
        if (code === 'invalid_credentials') await until(stepAhead(place.momentMs, stepMs, now()))
        else if (code !== undefined && QUICK_REFUSALS.has(code)) await until(cameAtMs + QUICK_MS)
        throw error
      } finally {
        place.leave()
      }
    },

    /** Rises at once, though never to more than double, and sinks slowly: one long pause does not slow all that follow. */
    observe(kind, tookMs) {
      const before = slowestMs.get(kind) ?? tookMs
      slowestMs.set(kind, tookMs > before ? Math.min(tookMs, 2 * before) : before + (tookMs - before) / 8)
      // In whole delays: if failures followed each verification, the next one would tell what was verified before it.
      const steps = Math.max(1, Math.ceil((FAILURE_DELAY_MARGIN * Math.max(...slowestMs.values())) / delayMs))
      if (steps > 1 && !warned) onTooShort?.(steps * delayMs)
      warned ||= steps > 1
      stepMs = steps * delayMs
    },
  }
}

/** The moment, or if it has passed, the next one that is whole steps later. */
function stepAhead(momentMs: number, stepMs: number, nowMs: number): number {
  return momentMs + stepMs * Math.max(0, Math.ceil((nowMs - momentMs) / stepMs))
}

/**
 * How much of the wait is not left to a timer. Timers are late by up to a millisecond, and by how much depends on when
 * they were set: over some hundred attempts that told a fast kind of hash from a slow one.
 */
const FINE_MS = 1.5

/** Resolves at a moment of `performance.now()`, exact to some microseconds; everybody else has their turn meanwhile. */
async function exactly(momentMs: number): Promise<void> {
  const coarseMs = momentMs - FINE_MS - performance.now()
  if (coarseMs >= 1) await sleep(Math.floor(coarseMs))
  while (performance.now() < momentMs) await setImmediate()
}
