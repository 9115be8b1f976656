import { Freshness } from '@latchkey/verifier/core'
import type { Log } from '../lib/log.js'

/** The freshness of this instance's own list, which reads the journal, and the channel between the instances. */
export class JournalFreshness extends Freshness {
  /** When the last successful read of the journal began. */
  #journalAtMs = Number.NEGATIVE_INFINITY

  /** What was read of the journal is as old as the start of the read. */
  recordJournalRead(begunAtMs: number): void {
    this.#journalAtMs = begunAtMs
    this.recordComplete(begunAtMs)
  }

  /**
   * A read of the channel, even without entries, counts only if the journal was read since the last interruption:
   * during it, other instances may have failed to publish too. The same is true at the start.
   *
   * @param unbrokenSinceMs - since when no published revocation can have been missed
   * @param asOfMs - up to when every published revocation has been received
   */
  recordChannelRead(unbrokenSinceMs: number, asOfMs: number): void {
    if (this.#journalAtMs >= unbrokenSinceMs) this.recordComplete(asOfMs)
  }
}

/** Tokens are valid for minutes, and other verifiers tolerate about this difference. */
const TOLERANCE_MS = 30_000

/** Compares the clock of this machine with that of the database, which decides when tokens expire. */
export interface ClockComparison {
  /** Whether the last comparison found a difference that is too large. */
  readonly isOff: boolean
  /**
   * The time by the clock of the database (milliseconds since the epoch), as exactly as the last answer took; undefined
   * before the first comparison.
   */
  readonly databaseMs: number | undefined
  /**
   * @param databaseAtMs - milliseconds since the epoch, by the database's clock
   * @param askedAtMs - when the question was sent (`performance.now()`), so that the time until the answer does not count
   *   as a difference
   */
  compare(databaseAtMs: number, askedAtMs: number): void
}

/** @param clock - milliseconds since the epoch, by the clock of this machine */
export function createClockComparison(clock: () => number, log: Log): ClockComparison {
  let isOff = false
  let offsetMs: number | undefined
  return {
    get isOff() {
      return isOff
    },
    get databaseMs() {
      return offsetMs === undefined ? undefined : performance.now() + offsetMs
    },
    compare(databaseAtMs, askedAtMs) {
      offsetMs = databaseAtMs - (askedAtMs + performance.now()) / 2
      const latest = clock()
      const earliest = latest - (performance.now() - askedAtMs)
      const wasOff = isOff
      isOff = databaseAtMs < earliest - TOLERANCE_MS || databaseAtMs > latest + TOLERANCE_MS
      if (isOff && !wasOff) {
        log.warn(
          `the clock of this machine says ${iso(latest)}, the clock of Postgres says ${iso(databaseAtMs)}: correct the wrong ` +
            'one; until then, tokens may expire too early or too late',
        )
      }
      if (wasOff && !isOff) log.info('the clocks of this machine and of Postgres agree again')
    },
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
