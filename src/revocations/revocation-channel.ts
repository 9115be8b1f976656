import type { JournalPosition } from './journal-follower.js'
import type { Revocation } from './revocation.js'

/** How instances tell each other of revocations faster than the journal is read. */
export interface RevocationChannel {
  /** Copies committed revocations to the blacklist, and tells every instance that follows. */
  publish(revocations: readonly Revocation[]): Promise<void>
  /** Calls back with what others publish, and whenever it is sure that there is nothing new. */
  follow(listener: RevocationListener): RevocationSubscription
  /** Sees that the blacklist holds everything up to a position of the journal. */
  complete(progress: BlacklistProgress): Promise<void>
}

export interface RevocationSubscription {
  /** Resolves when everything that is published from then on is heard of; without Redis, after a moment. */
  listening: Promise<void>
  stop(): Promise<void>
}

/**
 * @param unbrokenSinceMs since when (`performance.now()`) nothing that was published can have been missed
 * @param asOfMs up to when all that was published has been heard by now; what arrives may have been said long ago
 */
export type RevocationListener = (revocations: readonly Revocation[], unbrokenSinceMs: number, asOfMs: number) => void

export interface BlacklistProgress {
  /** Undefined when the whole journal was read. */
  from: JournalPosition | undefined
  to: JournalPosition
  /** What was read between the two. */
  entries: readonly Revocation[]
  /** Everything, for a blacklist that is not complete up to `from`. */
  all(): readonly Revocation[]
}
