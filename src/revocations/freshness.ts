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
  journalWasRead(begunAtMs: number): void {
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
  newsWasHeard(unbrokenSinceMs: number, asOfMs: number): void {
    if (this.#journalAtMs >= unbrokenSinceMs) this.#freshAtMs = Math.max(this.#freshAtMs, asOfMs)
  }
}
