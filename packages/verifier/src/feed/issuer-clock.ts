/** How many comparisons count. With one each second, a clock of the issuer that was set back counts after ten seconds. */
const COMPARISONS = 10

/**
 * The clock of the issuer, which decides when tokens expire. It is computed from the instants in the feed and from the
 * monotonic clock here, so that it is right on a machine whose own clock is wrong.
 *
 * An instant that was delayed on the way makes the issuer's clock look slow, never fast. So of the last comparisons the
 * one with the least delay counts.
 */
export class IssuerClock {
  readonly #differences: number[] = []
  #next = 0
  #difference: number | undefined

  /**
   * @param timeMs the issuer's clock when it sent it, in milliseconds since the epoch
   * @param receivedAtMs monotonic milliseconds
   */
  compare(timeMs: number, receivedAtMs: number): void {
    this.#differences[this.#next] = timeMs - receivedAtMs
    this.#next = (this.#next + 1) % COMPARISONS
    this.#difference = Math.max(...this.#differences)
  }

  /**
   * The issuer's clock at a monotonic instant, in milliseconds since the epoch; undefined if it is not known yet.
   */
  at(monotonicMs: number): number | undefined {
    return this.#difference === undefined ? undefined : monotonicMs + this.#difference
  }
}
