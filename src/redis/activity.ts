import type { Cluster, Redis } from 'ioredis'
import { createFailureLog, type FailureLog, type Log } from '../lib/log.js'
import { type Repetition, repeat } from '../lib/periodic.js'
import { getText, inBatches, type RedisScripts } from './commands.js'
import type { Ephemeral, Sighting } from './ephemeral.js'
import type { Keys } from './key-names.js'
import type { Mac, UntrustedData } from './mac.js'

export interface ActivityOptions {
  ephemeral: Ephemeral
  log: Log
  /** Milliseconds since the epoch. */
  clock(): number
}

const TASK = 'read and write the last activity of sessions'
const FLUSH_INTERVAL_MS = 1000
/**
 * The largest number of sessions recorded in a second. More are not recorded: activity is an estimate, and memory is
 * bounded.
 */
const MAX_PENDING = 100_000

/**
 * When sessions, and the generations of their tokens, were last seen. Recording a sighting costs one access to a map.
 * Once a second the map is written to the ephemeral store. When that store does not answer, activity is unknown, which
 * is never an error.
 */
export class Activity {
  readonly #options: ActivityOptions
  readonly #flushing: Repetition
  readonly #failures: FailureLog
  /** By session and generation, milliseconds since the epoch. */
  #pending = new Map<string, Map<number, number>>()
  /** Sent to the store, which has not confirmed it yet. */
  #sent = new Map<string, Map<number, number>>()

  constructor(options: ActivityOptions) {
    this.#options = options
    const { log } = options
    this.#failures = createFailureLog(log, 'warn')
    this.#flushing = repeat({ everyMs: FLUSH_INTERVAL_MS, task: TASK, work: () => this.flush(), log })
  }

  /** @param seenAt - milliseconds since the epoch, not in the future; by default now */
  record(sessionId: string, generation: number, seenAt = this.#options.clock()): void {
    let generations = this.#pending.get(sessionId)
    if (!generations) {
      if (this.#pending.size >= MAX_PENDING) return
      generations = new Map()
      this.#pending.set(sessionId, generations)
    }
    generations.set(generation, Math.max(generations.get(generation) ?? 0, seenAt))
  }

  /** When each of the sessions was last seen (ms since the epoch), if that is known. */
  async lastSeen(sessionIds: readonly string[]): Promise<Map<string, number>> {
    const seen = (await this.#ask(ephemeral => ephemeral.lastActivity(sessionIds))) ?? new Map<string, number>()
    for (const sessionId of sessionIds)
      for (const generations of [this.#sent, this.#pending])
        for (const seenAt of generations.get(sessionId)?.values() ?? [])
          seen.set(sessionId, Math.max(seen.get(sessionId) ?? 0, seenAt))
    return seen
  }

  /**
   * When this generation of a session, or a younger one, was last seen in use (ms since the epoch); undefined if that
   * is not known. A client with a younger token also had this one.
   */
  async generationLastSeen(sessionId: string, generation: number): Promise<number | undefined> {
    const times = [this.#pending, this.#sent].flatMap(sessions =>
      [...(sessions.get(sessionId) ?? [])].flatMap(([seen, seenAt]) => (seen >= generation ? [seenAt] : [])),
    )
    const here = Math.max(...times)
    // One that another service reported can be older than what the store has.
    if (here > this.#options.clock() - 2 * FLUSH_INTERVAL_MS) return here
    const stored = await this.#ask(ephemeral => ephemeral.generationLastSeen(sessionId, generation))
    return times.length > 0 ? Math.max(here, stored ?? 0) : stored
  }

  /** Writes what was seen to the store. If that fails, it is lost. */
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
    await this.#flushing.stop()
    await this.flush()
  }

  async #ask<Answer>(question: (ephemeral: Ephemeral) => Promise<Answer>): Promise<Answer | undefined> {
    try {
      const answer = await question(this.#options.ephemeral)
      this.#failures.succeeded(TASK)
      return answer
    } catch (error) {
      this.#failures.failed(TASK, error)
      return undefined
    }
  }
}

export interface RedisActivityOptions {
  redis: (Redis | Cluster) & RedisScripts
  keys: Keys
  mac: Mac
  untrusted: UntrustedData
  /** Milliseconds since the epoch. */
  now(): number
}

export type RedisActivity = Pick<Ephemeral, 'recordActivity' | 'lastActivity' | 'generationLastSeen'>

/** The largest difference between the clocks of instances. */
const CLOCK_TOLERANCE_MS = 60_000

const SESSION_SEEN = /^(?<seenAt>\d{1,15})$/
const NEWEST_SEEN = /^(?<generation>\d{1,10}):(?<seenAt>\d{1,15})$/

/**
 * The activity in Redis. A sighting can decide that a refresh token was stolen, so each is stored with a MAC, and one
 * from the future is not accepted.
 */
export function createRedisActivity({ redis, keys, mac, untrusted, now }: RedisActivityOptions): RedisActivity {
  const write = (key: string, value: string) => `${value}.${mac.tagOf(key, value)}`

  async function read(key: string, form: RegExp): Promise<{ seenAt: number; generation: number } | undefined> {
    const text = await getText(redis, key)
    if (text === null) return undefined
    const [, value = '', tag = ''] = /^([\d:]+)\.([\w-]+)$/.exec(text) ?? []
    const { seenAt, generation } = form.exec(value)?.groups ?? {}
    if (Number(seenAt) <= now() + CLOCK_TOLERANCE_MS && mac.verify(key, value, tag))
      return { seenAt: Number(seenAt), generation: Number(generation) }
    untrusted.report('a time of last activity has no valid MAC, or lies in the future')
    return undefined
  }

  return {
    async recordActivity(sightings) {
      const at = now()
      await inBatches(sightings, ({ sessionId, generation, seenAt }) => {
        const [session, newest] = [keys.seen(sessionId), keys.newestSeen(sessionId)]
        return redis.latchkeyRecordActivity(
          session,
          newest,
          seenAt,
          at + CLOCK_TOLERANCE_MS,
          Math.ceil(seenAt + keys.seenTtlMs - at),
          write(session, `${seenAt}`),
          generation,
          write(newest, `${generation}:${seenAt}`),
        )
      })
    },

    async lastActivity(sessionIds) {
      const found = new Map<string, number>()
      await inBatches(sessionIds, async sessionId => {
        const seen = await read(keys.seen(sessionId), SESSION_SEEN)
        if (seen) found.set(sessionId, seen.seenAt)
      })
      return found
    },

    async generationLastSeen(sessionId, generation) {
      const newest = await read(keys.newestSeen(sessionId), NEWEST_SEEN)
      return newest && newest.generation >= generation ? newest.seenAt : undefined
    },
  }
}
