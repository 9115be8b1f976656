import type { Revocation } from '@latchkey/verifier/core'
import type { JournalPosition } from './journal-follower.js'

/** Sends revocations between instances, faster than by reading the journal. */
export interface RevocationChannel {
  /** Copies committed revocations to the blacklist, and sends them to every instance that follows. */
  publish(revocations: readonly Revocation[]): Promise<void>
  /** Calls the listener with what other instances publish, and also when it is certain that there is nothing new. */
  follow(listener: RevocationListener): RevocationSubscription
  /** Makes the blacklist complete up to a position in the journal. */
  complete(progress: BlacklistProgress): Promise<void>
}

export interface RevocationSubscription {
  /**
   * Resolves when everything that is published from then on will be received; if Redis is unavailable, after a moment.
   */
  listening: Promise<void>
  stop(): Promise<void>
}

/**
 * @param unbrokenSinceMs since when (`performance.now()`) no published revocation can have been missed
 * @param asOfMs up to when every published revocation has been received; an entry can arrive long after it was
 *   published
 */
export type RevocationListener = (revocations: readonly Revocation[], unbrokenSinceMs: number, asOfMs: number) => void

export interface BlacklistProgress {
  /** Undefined when the whole journal was read. */
  from: JournalPosition | undefined
  to: JournalPosition
  /** The entries between the two positions; not used if `from` is undefined. */
  entries: readonly Revocation[]
  /**
   * All entries, for a blacklist that is not complete up to `from`. They are read from the list one after the other: an
   * array of them would need as much memory as the list.
   */
  all(): Iterable<Revocation>
}
