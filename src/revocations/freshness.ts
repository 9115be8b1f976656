import type { Log } from '../lib/log.js'

/**
 * Until when what is known of the revocations was complete. Times are monotonic milliseconds (`performance.now()`): a
 * clock that is set must not make the list look fresh.
 */
export class Freshness {
  readonly #maxStalenessMs: number
  #freshAtMs = Number.NEGATIVE_INFINITY
  /** When the last successful read of the journal began. */
  #journalAtMs = Number.NEGATIVE_INFINITY

  constructor(maxStalenessMs: number) {
    this.#maxStalenessMs = maxStalenessMs
  }

  /** False until the journal was read. */
  get isLoaded(): boolean {
    return this.#freshAtMs !== Number.NEGATIVE_INFINITY
  }

  /** Whether tokens may be verified by what is known. */
  isFresh(nowMs: number): boolean {
    return nowMs - this.#freshAtMs <= this.#maxStalenessMs
  }

  /** A page of the journal is as old as the question. */
  recordJournalRead(begunAtMs: number): void {
    this.#journalAtMs = begunAtMs
    this.#freshAtMs = Math.max(this.#freshAtMs, begunAtMs)
  }

  /**
   * Hearing nothing new proves nothing before the journal was read: at start, and again after an interruption, in which
   * others may have failed to publish too.
   *
   * @param unbrokenSinceMs - since when nothing that was published can have been missed
   * @param asOfMs - up to when all that was published has been heard
   */
  recordChannelRead(unbrokenSinceMs: number, asOfMs: number): void {
    if (this.#journalAtMs >= unbrokenSinceMs) this.#freshAtMs = Math.max(this.#freshAtMs, asOfMs)
  }
}

/** Tokens live for minutes, and verifiers forgive about this much. */
const TOLERANCE_MS = 30_000

/** Holds the clock of this machine against that of the database, by which the others were made that they must fit. */
export interface ClockComparison {
  /** Whether the two were too far apart when they were last compared. */
  readonly isOff: boolean
  /**
   * @param databaseAtMs - milliseconds since the epoch, by the database's clock
   * @param askedAtMs - when it was asked (`performance.now()`): what the answer took on its way is no difference
   */
  compare(databaseAtMs: number, askedAtMs: number): void
}

/** @param clock - milliseconds since the epoch, by the clock of this machine */
export function createClockComparison(clock: () => number, log: Log): ClockComparison {
  let isOff = false
  return {
    get isOff() {
      return isOff
    },
    compare(databaseAtMs, askedAtMs) {
      const latest = clock()
      const earliest = latest - (performance.now() - askedAtMs)
      const wasOff = isOff
      isOff = databaseAtMs < earliest - TOLERANCE_MS || databaseAtMs > latest + TOLERANCE_MS
      if (isOff && !wasOff) {
        log.warn(
          `the clock of this machine says ${iso(latest)} and that of Postgres ${iso(databaseAtMs)}: set the wrong one, ` +
            'as tokens may count as expired too early or too late until then',
        )
      }
      if (wasOff && !isOff) log.info('the clocks of this machine and of Postgres agree again')
    },
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
