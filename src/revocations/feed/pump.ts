/** What can be written to one follower. */
export interface Pumped {
  /** Writes once. Returns whether it can write more now. */
  pump(): boolean
}

/** For so long followers are written to before requests get their turn. */
const TURN_MS = 4
/** The longest pause between two rounds. */
const MAX_PAUSE_MS = 200

/**
 * Writes to followers, one after the other and a little to each. After a round for all of them it pauses in proportion to
 * the time that the round took: then news take at most a third of the processor, and what arrives meanwhile is written
 * together.
 */
export class Pump {
  readonly #followers: () => Iterable<Pumped>
  readonly #queue = new Set<Pumped>()
  /** Those that the round has not come to yet. */
  readonly #round = new Set<Pumped>()
  #isRunning = false
  #isRoundDue = false
  #roundMs = 0
  #notBeforeMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor(followers: () => Iterable<Pumped>) {
    this.#followers = followers
  }

  /** There is something to write to this follower. */
  request(follower: Pumped): void {
    this.#queue.add(follower)
    this.#run()
  }

  /** There is something to write to all followers. */
  requestAll(): void {
    this.#isRoundDue = true
    if (this.#round.size > 0 || this.#timer) return
    const waitMs = this.#notBeforeMs - performance.now()
    if (waitMs <= 0) this.#beginRound()
    else {
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#beginRound()
      }, waitMs).unref()
    }
  }

  #beginRound(): void {
    this.#isRoundDue = false
    this.#roundMs = 0
    for (const follower of this.#followers()) {
      this.#round.add(follower)
      this.#queue.add(follower)
    }
    if (this.#round.size > 0) this.#run()
  }

  #run(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    setImmediate(() => this.#turn())
  }

  #turn(): void {
    const begunAtMs = performance.now()
    for (const follower of this.#queue) {
      this.#queue.delete(follower)
      const isInRound = this.#round.delete(follower)
      // At the end of the queue.
      if (follower.pump()) this.#queue.add(follower)
      if (isInRound && this.#round.size === 0) this.#endRound(performance.now() - begunAtMs)
      if (performance.now() - begunAtMs > TURN_MS) break
    }
    this.#roundMs += performance.now() - begunAtMs
    this.#isRunning = false
    if (this.#queue.size > 0) this.#run()
  }

  #endRound(turnMs: number): void {
    this.#notBeforeMs = performance.now() + Math.min(2 * (this.#roundMs + turnMs), MAX_PAUSE_MS)
    if (this.#isRoundDue) this.requestAll()
  }
}
