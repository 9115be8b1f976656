import type { RevocationChannel } from '../revocations/revocations.js'

/** One use of a session: an authenticated request or a refresh. */
export interface Sighting {
  sessionId: string
  /** The refresh generation that the credential carried. */
  generation: number
  /**
   * Milliseconds since the epoch, and not in the future: code that takes reports of others cuts them off at the present,
   * because the latest sighting wins.
   */
  seenAt: number
}

/** How often something was counted in its window. */
export interface Hits {
  count: number
  /** Milliseconds until the window ends and the count starts again. */
  resetsInMs: number
}

/**
 * What may be lost: counters, last activity, and the fast copy of the blacklist. Postgres is the truth for everything
 * that must survive. Two implementations, Redis and memory, pass one contract suite (test/contract/ephemeral.ts).
 *
 * Every method rejects when the store can't be reached in time; the caller decides what to do without it.
 */
export interface Ephemeral extends RevocationChannel {
  /** Notes when sessions and their generations were seen, in whatever order the sightings come: the latest wins. */
  recordActivity(sightings: readonly Sighting[]): Promise<void>

  /** When each of the sessions was last seen (ms); a session never seen, or seen too long ago, is absent. */
  lastActivity(sessionIds: readonly string[]): Promise<Map<string, number>>

  /**
   * When this generation of a session, or a younger one, was last seen in use (ms), or undefined if unknown. What is seen
   * of a generation after a younger one was seen is not kept.
   */
  generationLastSeen(sessionId: string, generation: number): Promise<number | undefined>

  /** Counts one more hit on a named counter; its first hit opens a window of the given length (whole milliseconds). */
  hit(counter: string, windowMs: number): Promise<Hits>

  /** Takes one hit back (an attempt that turned out to be honest), never below zero. */
  unhit(counter: string): Promise<void>

  /** How often it held, since the start, what this service did not write or can't have written. */
  readonly untrustedCount: number

  /**
   * Resolves if the store answers, with what is not as it should be all the same: `redis-eviction`, and
   * `redis-untrusted` when it held what is not believed within the last minute.
   */
  ping(): Promise<readonly string[]>

  close(): Promise<void>
}
