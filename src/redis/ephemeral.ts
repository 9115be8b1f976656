import type { RevocationChannel } from '../revocations/revocation-channel.js'

/** One use of a session: an authenticated request or a refresh. */
export interface Sighting {
  sessionId: string
  /** The refresh generation that the credential carried. */
  generation: number
  /**
   * Milliseconds since the epoch, and not in the future: code that accepts reports of others limits them to the
   * present, because the latest sighting wins.
   */
  seenAt: number
}

/** The state of a counter. */
export interface Hits {
  count: number
  /** Milliseconds until the window ends and the count starts again. */
  resetsInMs: number
}

/**
 * Data that may be lost: counters, last activity, and the fast copy of the blacklist. Everything that must not be lost
 * is in Postgres. Two implementations, Redis and memory, pass one contract suite (test/contract/ephemeral.ts).
 *
 * Every method rejects when the store does not answer in time; the caller decides what to do without it.
 */
export interface Ephemeral extends RevocationChannel {
  /**
   * Records when sessions and their generations were seen. The order of the sightings does not matter: the latest wins.
   */
  recordActivity(sightings: readonly Sighting[]): Promise<void>

  /** When each of the sessions was last seen (ms); a session never seen, or seen too long ago, is absent. */
  lastActivity(sessionIds: readonly string[]): Promise<Map<string, number>>

  /**
   * When this generation of a session, or a younger one, was last seen in use (ms), or undefined if unknown. Sightings
   * of a generation are not kept once a younger one was seen.
   */
  generationLastSeen(sessionId: string, generation: number): Promise<number | undefined>

  /** Adds a hit to a named counter. The first hit opens a window of this length (whole milliseconds). */
  hit(counter: string, windowMs: number): Promise<Hits>

  /** Takes one hit back, never below 0: for an attempt with the right password. */
  unhit(counter: string): Promise<void>

  /** How often, since the start, the store held data that this service did not write. */
  readonly untrustedCount: number

  /** Whether there is a connection to the store; undefined if it is in memory and needs none. */
  readonly isConnected: boolean | undefined

  /**
   * Resolves if the store answers, with its problems: `redis-eviction`, and `redis-untrusted`, `redis-rights` or
   * `redis-writes` if the store held data that this service did not write, denied a right, or took no writes, within the
   * last minute.
   */
  ping(): Promise<readonly string[]>

  close(): Promise<void>
}
