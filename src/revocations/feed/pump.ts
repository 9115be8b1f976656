/** What can be written to one follower. */
export interface Pumped {
  /** Writes once. Returns whether it can write more now. */
  pump(): boolean
}

/** For so long followers are written to before requests get their turn. */
const TURN_MS = 4
/** The longest pause between two rounds. */
const MAX_PAUSE_MS = 200

/** What a round is for. Revocations wait only half as long as heartbeats. */
export type Urgency = 'news' | 'heartbeat'

/**
 * Writes to followers, one after the other and a little to each. After a round for all of them it pauses in proportion to
 * the time that the round took: then the feed takes at most half of the processor, and what arrives meanwhile is written
 * together.
 */
export class Pump {
  readonly #followers: () => Iterable<Pumped>
  readonly #queue = new Set<Pumped>()
  /** Those that the round has not come to yet. */
  readonly #round = new Set<Pumped>()
  #isRunning = false
  #due: Urgency | undefined
  #roundMs = 0
  #endedAtMs = 0
  #pauseMs = 0
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
  requestAll(urgency: Urgency): void {
    if (urgency === 'news') this.#due = urgency
    else this.#due ??= urgency
    if (this.#round.size > 0) return
    clearTimeout(this.#timer)
    const pauseMs = this.#due === 'news' ? this.#pauseMs : 2 * this.#pauseMs
    const waitMs = this.#endedAtMs + pauseMs - performance.now()
    if (waitMs <= 0) this.#beginRound()
    else this.#timer = setTimeout(() => this.#beginRound(), waitMs).unref()
  }

  #beginRound(): void {
    this.#due = undefined
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
    this.#endedAtMs = performance.now()
    this.#pauseMs = Math.min(this.#roundMs + turnMs, MAX_PAUSE_MS / 2)
    if (this.#due) this.requestAll(this.#due)
  }
}
