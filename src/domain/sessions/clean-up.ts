import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Repositories } from '../../postgres/database.js'
import { sessionExpiredEvent } from '../events/events.js'

export interface CleanUpOptions {
  sessionMaxAgeSeconds: number
  /** How long events are kept. */
  eventRetentionSeconds: number
  batchSize?: number
  /** Ends the work between two batches. */
  signal?: AbortSignal
}

/** How many rows of each kind were cleared away. */
export interface CleanedUp {
  sessions: number
  revocations: number
  keys: number
  events: number
  passwordResets: number
  devices: number
}

/** Dead rows are kept for a day, so that support can still see what they were. */
const GRACE_SECONDS = 24 * 60 * 60
const PAUSE_MS = 50

/**
 * Clears away what can't matter any more: sessions past every end with their refresh tokens, revocations of dead
 * tokens, keys that nothing alive was signed with, old events, expired resets of passwords, counts of browsers that nobody
 * knows any more. A session that ended by itself leaves its event. In small transactions with pauses between them, each
 * under a lock that one instance holds at a time and nobody waits for, so that it is never in the way of traffic.
 */
export async function cleanUp(db: Pick<Database, 'transaction'>, options: CleanUpOptions): Promise<CleanedUp> {
  const { batchSize = 1000, signal } = options
  const sessionAge = options.sessionMaxAgeSeconds + GRACE_SECONDS

  async function inBatches(remove: (repositories: Repositories) => Promise<number>): Promise<number> {
    for (let total = 0; ; await sleep(PAUSE_MS)) {
      const removed = await db.transaction(async repositories =>
        (await repositories.cleanUpLock.take()) ? remove(repositories) : 0,
      )
      total += removed
      if (removed < batchSize || signal?.aborted) return total
    }
  }

  return {
    sessions: await inBatches(async ({ expiredSessions, securityEvents }) => {
      const { count, expired } = await expiredSessions.removeOlderThan(sessionAge, batchSize)
      await securityEvents.addAll(expired.map(sessionExpiredEvent))
      return count
    }),
    revocations: await inBatches(({ journal }) => journal.removeExpired(batchSize)),
    keys: await inBatches(({ signingKeys }) => signingKeys.removeRetired(GRACE_SECONDS, batchSize)),
    events: await inBatches(({ securityEvents }) =>
      securityEvents.removeOlderThan(options.eventRetentionSeconds, batchSize),
    ),
    passwordResets: await inBatches(({ passwordResets }) => passwordResets.removeExpired(batchSize)),
    devices: await inBatches(({ deviceFailures }) => deviceFailures.removeExpired(batchSize)),
  }
}
