/**
 * Up to what time a revocation list is known to be complete. Times are monotonic milliseconds (`performance.now()`), so
 * that setting the system clock cannot make the list look fresh.
 */
export class Freshness {
  readonly #maxStalenessMs: number
  #freshAtMs = Number.NEGATIVE_INFINITY

  constructor(maxStalenessMs: number) {
    this.#maxStalenessMs = maxStalenessMs
  }

  /** False until the list was complete for the first time. */
  get isLoaded(): boolean {
    return this.#freshAtMs !== Number.NEGATIVE_INFINITY
  }

  /** The instant up to which the list is complete; minus infinity if it never was. */
  get asOfMs(): number {
    return this.#freshAtMs
  }

  /** Whether the list is recent enough to verify tokens with it. */
  isFresh(nowMs: number): boolean {
    return nowMs - this.#freshAtMs <= this.#maxStalenessMs
  }

  /** Everything that was committed before the instant is in the list. An instant that is not news changes nothing. */
  recordComplete(asOfMs: number): void {
    this.#freshAtMs = Math.max(this.#freshAtMs, asOfMs)
  }
}
