import type { Log } from '../log.js'
import type { Ephemeral, Sighting } from './ephemeral.js'

export interface ActivityOptions {
  ephemeral: Ephemeral
  log: Log
  /** Milliseconds since the epoch. */
  clock(): number
}

const FLUSH_INTERVAL_MS = 1000
/** Sessions seen in one second. What is seen beyond it is not noted: activity is an estimate, and memory is bounded. */
const MAX_PENDING = 100_000

/**
 * When sessions, and the generations of their tokens, were last seen. Noting a sighting costs a look into a map; once a
 * second the map goes to the ephemeral store. What that store can't say is unknown, never an error.
 */
export class Activity {
  readonly #options: ActivityOptions
  readonly #timer: NodeJS.Timeout
  /** By session and generation, milliseconds since the epoch. */
  #pending = new Map<string, Map<number, number>>()
  /** What is on its way to the store, which does not know it yet. */
  #sent = new Map<string, Map<number, number>>()
  #storeAnswers = true

  constructor(options: ActivityOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.flush(), FLUSH_INTERVAL_MS)
    this.#timer.unref()
  }

  saw(sessionId: string, generation: number): void {
    let generations = this.#pending.get(sessionId)
    if (!generations) {
      if (this.#pending.size >= MAX_PENDING) return
      generations = new Map()
      this.#pending.set(sessionId, generations)
    }
    generations.set(generation, this.#options.clock())
  }

  /** When each of the sessions was last seen (ms since the epoch), as far as it is known. */
  async lastSeen(sessionIds: readonly string[]): Promise<Map<string, number>> {
    const seen = (await this.#ask(ephemeral => ephemeral.lastActivity(sessionIds))) ?? new Map<string, number>()
    for (const sessionId of sessionIds)
      for (const noted of [this.#sent, this.#pending])
        for (const seenAt of noted.get(sessionId)?.values() ?? [])
          seen.set(sessionId, Math.max(seen.get(sessionId) ?? 0, seenAt))
    return seen
  }

  /**
   * When this generation of a session, or a younger one, was last seen in use (ms since the epoch); undefined if that is
   * not known. Whoever has a younger token had this one.
   */
  async generationLastSeen(sessionId: string, generation: number): Promise<number | undefined> {
    const noted = [this.#pending, this.#sent].flatMap(sessions =>
      [...(sessions.get(sessionId) ?? [])].flatMap(([seen, seenAt]) => (seen >= generation ? [seenAt] : [])),
    )
    if (noted.length > 0) return Math.max(...noted)
    return this.#ask(ephemeral => ephemeral.generationLastSeen(sessionId, generation))
  }

  /** Hands what was seen to the store; what it does not take is lost. */
  async flush(): Promise<void> {
    if (this.#pending.size === 0) return
    const sightings: Sighting[] = []
    for (const [sessionId, generations] of this.#pending)
      for (const [generation, seenAt] of generations) sightings.push({ sessionId, generation, seenAt })
    const sent = this.#pending
    this.#sent = sent
    this.#pending = new Map()
    await this.#ask(ephemeral => ephemeral.recordActivity(sightings))
    if (this.#sent === sent) this.#sent = new Map()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }

  async #ask<Answer>(question: (ephemeral: Ephemeral) => Promise<Answer>): Promise<Answer | undefined> {
    try {
      const answer = await question(this.#options.ephemeral)
      this.#storeAnswers = true
      return answer
    } catch (error) {
      if (this.#storeAnswers) this.#options.log.warn(`activity is unknown for now: ${(error as Error).message}`)
      this.#storeAnswers = false
      return undefined
    }
  }
}
