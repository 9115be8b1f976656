import { LRUCache } from 'lru-cache'
import { type Batches, createBatches } from '../../lib/batches.js'
import { createFailureLog, type Log } from '../../lib/log.js'
import type { RefreshTokens } from '../../postgres/refresh-tokens.js'
import type { Activity } from '../../redis/activity.js'

/** One use of a session at another service. */
export interface ReportedSighting {
  sessionId: string
  /** The claim `gen` of the access token. */
  generation: number
  /** Milliseconds since the epoch, by the clock of the other service. */
  seenAt: number
}

export interface ReportedSightingsOptions {
  activity: Activity
  refreshTokens: Pick<RefreshTokens, 'findReached'>
  /** Milliseconds since the epoch. */
  clock(): number
  log: Log
}

/** A report is a second old. One that comes much later says nothing about what is in use now. */
const MAX_AGE_MS = 5 * 60_000
const MAX_KNOWN = 100_000
/** More are not recorded: activity is an estimate, and memory is bounded. */
const MAX_PENDING = 50_000
const TASK = 'check the sessions that other services report'

/**
 * Records when other services saw sessions. A sighting can decide that a refresh token was stolen (docs/rotation.md), so a
 * client is not believed everything: the session must be live and have reached the generation, and the time is never in
 * the future. The check costs one look-up for each generation of a session at each instance.
 */
export class ReportedSightings {
  readonly #options: ReportedSightingsOptions
  /** The generations that sessions have reached. */
  readonly #known = new LRUCache<string, true>({ max: MAX_KNOWN })
  readonly #checks: Batches<ReportedSighting, boolean>
  #pending = 0

  constructor(options: ReportedSightingsOptions) {
    this.#options = options
    const failures = createFailureLog(options.log, 'warn')
    this.#checks = createBatches({
      keyOf: ({ sessionId }) => sessionId,
      delayMs: 50,
      maxItems: 1000,
      async work(sightings) {
        try {
          const reached = await options.refreshTokens.findReached(sightings)
          failures.succeeded(TASK)
          return sightings.map(({ sessionId }) => reached.has(sessionId))
        } catch (error) {
          failures.failed(TASK, error)
          return sightings.map(() => false)
        }
      },
    })
  }

  record(sightings: readonly ReportedSighting[]): void {
    const now = this.#options.clock()
    for (const { sessionId, generation, seenAt } of sightings) {
      if (seenAt < now - MAX_AGE_MS) continue
      const sighting = { sessionId, generation, seenAt: Math.min(seenAt, now) }
      if (this.#known.has(nameOf(sighting))) this.#record(sighting)
      else if (this.#pending < MAX_PENDING) void this.#check(sighting)
    }
  }

  /** Resolves when everything that was reported is recorded. */
  settled(): Promise<void> {
    return this.#checks.settled()
  }

  async #check(sighting: ReportedSighting): Promise<void> {
    this.#pending++
    const isReached = await this.#checks.add(sighting)
    this.#pending--
    if (!isReached) return
    this.#known.set(nameOf(sighting), true)
    this.#record(sighting)
  }

  #record({ sessionId, generation, seenAt }: ReportedSighting): void {
    this.#options.activity.record(sessionId, generation, seenAt)
  }
}

function nameOf({ sessionId, generation }: ReportedSighting): string {
  return `${sessionId}:${generation}`
}
