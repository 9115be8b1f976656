import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { LatchkeyError } from '../../lib/errors.js'

export interface FailureDelayOptions {
  /** A failed sign-in is answered this long after its arrival, in milliseconds; 0 means at once. */
  delayMs: number
  /** Called once, if a verification takes longer than the delay covers, with the delay that is used instead. */
  onTooShort?: ((usedMs: number) => void) | undefined
  /** A monotonic clock, in milliseconds. */
  now?: (() => number) | undefined
  /** Resolves at a time of that clock. */
  until?: ((momentMs: number) => Promise<void>) | undefined
}

/**
 * Delays the answers to failed sign-ins to a time that depends only on their arrival and on how many sign-ins with the
 * same name are in progress. So the time does not show how long the hash took, whether a row was written or whether an
 * attempt waited for a row, and thus not which accounts exist. Refusals before the password is checked are answered
 * after 20 ms, which covers the search for the account. A success is answered at once.
 */
export interface FailureDelay {
  /** Runs a sign-in that arrived now. If it fails, rejects at the planned time. */
  run<Result>(signIn: (joinQueue: JoinQueue) => Promise<Result>): Promise<Result>
  /** Records how long a verification of this kind of hash took. */
  observe(kind: string, tookMs: number): void
}

/** Adds a sign-in to the queue of its name, or of whatever else its attempts are counted by. */
export type JoinQueue = (name: string) => void

/** Refusals before the password is checked: by a limit, or because the queue for hashes is full. */
const QUICK_REFUSALS: ReadonlySet<string> = new Set(['rate_limited', 'busy'])
const QUICK_MS = 20
/** The delay covers this multiple of the slowest verification: some are slower, and the statements take time too. */
export const FAILURE_DELAY_MARGIN = 1.25
/** No failure waits longer, however long its queue is. A graceful shutdown allows more time than this. */
const LONGEST_WAIT_MS = 10_000

export function createFailureDelay(options: FailureDelayOptions): FailureDelay {
  const { delayMs, onTooShort, now = () => performance.now(), until = exactly } = options
  if (delayMs === 0) return { run: signIn => signIn(() => {}), observe: () => {} }
  const slowestMs = new Map<string, number>()
  let stepMs = delayMs
  let warned = false
  /** For each name with sign-ins in progress, the times at which their failures are answered. */
  const queues = new Map<string, number[]>()

  /**
   * Attempts on one account wait for its row and for their hashes; attempts on an unknown name do not. So the failures
   * of one name are answered one step apart. A step is longer than any attempt takes, and the same for every name.
   */
  function join(name: string, arrivedAtMs: number): { momentMs: number; leave(): void } {
    const queue = queues.get(name) ?? []
    const lastMs = arrivedAtMs + stepMs * Math.max(1, Math.floor(LONGEST_WAIT_MS / stepMs))
    const momentMs = Math.min(Math.max(arrivedAtMs, ...queue) + stepMs, lastMs)
    queue.push(momentMs)
    queues.set(name, queue)
    const leave = () => {
      queue.splice(queue.indexOf(momentMs), 1)
      if (queue.length === 0) queues.delete(name)
    }
    return { momentMs, leave }
  }

  return {
    async run(signIn) {
      const arrivedAtMs = now()
      let place = { momentMs: arrivedAtMs + stepMs, leave: () => {} }
      try {
        return await signIn(name => {
          place = join(name, arrivedAtMs)
        })
      } catch (error) {
        const code = error instanceof LatchkeyError ? error.code : undefined
        if (code === 'invalid_credentials') await until(stepAhead(place.momentMs, stepMs, now()))
        else if (code !== undefined && QUICK_REFUSALS.has(code)) await until(arrivedAtMs + QUICK_MS)
        throw error
      } finally {
        place.leave()
      }
    },

    /**
     * Increases at once, at most to double, and decreases slowly: so one long pause does not delay everything after it.
     */
    observe(kind, tookMs) {
      const before = slowestMs.get(kind) ?? tookMs
      slowestMs.set(kind, tookMs > before ? Math.min(tookMs, 2 * before) : before + (tookMs - before) / 8)
      // In whole delays: if the step followed each verification, a failure would show what was verified before it.
      const steps = Math.max(1, Math.ceil((FAILURE_DELAY_MARGIN * Math.max(...slowestMs.values())) / delayMs))
      if (steps > 1 && !warned) onTooShort?.(steps * delayMs)
      warned ||= steps > 1
      stepMs = steps * delayMs
    },
  }
}

/** The planned time, or, if it has passed, the next one that is whole steps later. */
function stepAhead(momentMs: number, stepMs: number, nowMs: number): number {
  return momentMs + stepMs * Math.max(0, Math.ceil((nowMs - momentMs) / stepMs))
}

/**
 * The last part of a wait, which uses no timer. A timer fires up to a millisecond late, and how late depends on when it
 * was set: in some hundred attempts this was enough to tell a fast kind of hash from a slow one.
 */
const FINE_MS = 1.5

/** Resolves at a time of `performance.now()`, exact to a few microseconds, without blocking the event loop. */
async function exactly(momentMs: number): Promise<void> {
  const coarseMs = momentMs - FINE_MS - performance.now()
  if (coarseMs >= 1) await sleep(Math.floor(coarseMs))
  while (performance.now() < momentMs) await setImmediate()
}
