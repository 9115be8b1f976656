import type { Log } from '../log.js'

/** Somebody who forges does so again and again; the log hears of it at once, and then no more often than this. */
const MESSAGE_INTERVAL_MS = 10 * 60 * 1000
const RECENT_MS = 60 * 1000

/** Counts what was found in Redis and not believed. */
export interface Untrusted {
  /** How often that was, since the start. */
  readonly count: number
  /** Whether it happened within the last minute. */
  readonly isRecent: boolean
  /** @param what was found, as the end of a sentence; never any part of it */
  note(what: string): void
}

/** @param now - milliseconds since the epoch */
export function createUntrusted(now: () => number, log?: Pick<Log, 'warn'>): Untrusted {
  let count = 0
  let notedAt = Number.NEGATIVE_INFINITY
  let saidAt = Number.NEGATIVE_INFINITY

  return {
    get count() {
      return count
    },
    get isRecent() {
      return now() - notedAt < RECENT_MS
    },
    note(what) {
      count++
      notedAt = now()
      if (notedAt - saidAt < MESSAGE_INTERVAL_MS) return
      saidAt = notedAt
      log?.warn(
        `Redis holds what this service did not write, which is not believed: ${what} (${count} since the start)`,
      )
    },
  }
}
