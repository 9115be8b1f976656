/** How often the database is asked, by the age of the youngest receipt. */
const PACE = [
  { untilAgeMs: 500, everyMs: 25 },
  { untilAgeMs: 3000, everyMs: 100 },
  { untilAgeMs: Number.POSITIVE_INFINITY, everyMs: 250 },
]
/** The shortest time between two reads, if a receipt begins or a verifier confirms at this instance. */
const SHORTEST_PAUSE_MS = 10

/** The pauses between the reads: young receipts are read often, as most are complete within a tenth of a second. */
export class ReadPace {
  #youngestAtMs = 0
  /** Something happened while a read was in progress. */
  #isWoken = false
  #wake = this.#remember

  receiptBegan(): void {
    this.#youngestAtMs = performance.now()
    this.wake()
  }

  /** Something happened: the present pause, or the next one, is short. */
  wake(): void {
    this.#wake()
  }

  /**
   * @param begunAtMs - when the last read began (`performance.now()`)
   * @param endsAtMs - when a receipt must be answered, at the latest
   */
  async pause(begunAtMs: number, endsAtMs: number): Promise<void> {
    const nowMs = performance.now()
    const ageMs = nowMs - this.#youngestAtMs
    const { everyMs } = PACE.find(({ untilAgeMs }) => ageMs < untilAgeMs) ?? PACE.at(-1)!
    const dueMs = Math.min(begunAtMs + everyMs, endsAtMs)
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, Math.max(dueMs - nowMs, 0))
      this.#wake = () => {
        clearTimeout(timer)
        setTimeout(resolve, Math.max(Math.min(dueMs, begunAtMs + SHORTEST_PAUSE_MS) - performance.now(), 0))
      }
      if (this.#isWoken) this.#wake()
      this.#isWoken = false
    })
    this.#wake = this.#remember
  }

  #remember(): void {
    this.#isWoken = true
  }
}
