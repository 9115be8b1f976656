import { setTimeout as sleep } from 'node:timers/promises'
import type { Revocation } from '@latchkey/verifier/core'
import { cleanUps } from '../lib/measurements.js'
import type { Database, Repositories } from '../postgres/database.js'
import { SECURITY_EVENT_TYPES, type SecurityEventType } from '../postgres/security-event-types.js'
import { removeAccount } from './accounts/delete-account.js'
import { commitAndAnnounce, withJournalWrites } from './commit-and-announce.js'
import type { AuthContext } from './context.js'
import { sessionExpiredEvent } from './events/list-events.js'

export interface CleanUpOptions {
  sessionMaxAgeSeconds: number
  /** How long events are kept. */
  eventRetentionSeconds: number
  /** The same for single types, in seconds. */
  eventRetentionByType?: Readonly<Partial<Record<string, number>>>
  batchSize?: number
  /** Stops the work between two batches. */
  signal?: AbortSignal
}

/** How many rows of each kind were deleted. */
export interface CleanedUp {
  sessions: number
  revocations: number
  keys: number
  events: number
  passwordResets: number
  oneTimeTokens: number
  registrations: number
  verifiers: number
  devices: number
  assertions: number
  deliveries: number
}

/** Expired rows are kept for a day longer, for support. */
const GRACE_SECONDS = 24 * 60 * 60
const PAUSE_MS = 50

/**
 * Deletes what no longer has any effect: sessions older than SESSION_MAX_AGE with their refresh tokens, revocations of
 * expired tokens, keys whose tokens have all expired, old events, expired password resets, and expired attempt counters
 * of browsers. A session that expired gets its event. The work is done in small transactions with pauses between them.
 * Each transaction takes a lock that only one instance can have and for which no instance waits, so requests are not
 * delayed.
 */
export async function cleanUp(db: Pick<Database, 'transaction'>, options: CleanUpOptions): Promise<CleanedUp> {
  try {
    const removed = await removeExpired(db, options)
    cleanUps.report({ ...removed })
    return removed
  } catch (error) {
    cleanUps.report(undefined)
    throw error
  }
}

async function removeExpired(db: Pick<Database, 'transaction'>, options: CleanUpOptions): Promise<CleanedUp> {
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

  async function removeEvents(): Promise<number> {
    const { eventRetentionSeconds: standard, eventRetentionByType: byType = {} } = options
    const remove = (ageSeconds: number, type?: SecurityEventType) =>
      inBatches(({ securityEvents }) => securityEvents.removeOlderThan(ageSeconds, batchSize, type))
    let count = 0
    // Each type by itself, so that no events that are kept longer are read again and again.
    if (Object.keys(byType).length > 0)
      for (const type of SECURITY_EVENT_TYPES) count += await remove(byType[type] ?? standard, type)
    // Also those of types that only other versions know.
    return count + (await remove(Math.max(standard, ...Object.values(byType).map(Number))))
  }

  return {
    sessions: await inBatches(async ({ expiredSessions, securityEvents }) => {
      const { count, expired } = await expiredSessions.removeOlderThan(sessionAge, batchSize)
      await securityEvents.addAll(expired.map(sessionExpiredEvent))
      return count
    }),
    revocations: await inBatches(({ journal }) => journal.removeExpired(batchSize)),
    keys: await inBatches(({ signingKeys }) => signingKeys.removeRetired(GRACE_SECONDS, batchSize)),
    events: await removeEvents(),
    passwordResets: await inBatches(({ passwordResets }) => passwordResets.removeExpired(batchSize)),
    oneTimeTokens: await inBatches(({ oneTimeTokens }) => oneTimeTokens.removeExpired(batchSize)),
    registrations: await inBatches(({ registrations }) => registrations.removeExpired(batchSize)),
    verifiers: await inBatches(({ verifiers }) => verifiers.removeExpired(batchSize)),
    devices: await inBatches(({ deviceFailures }) => deviceFailures.removeExpired(batchSize)),
    assertions: await inBatches(({ usedAssertions }) => usedAssertions.removeExpired(batchSize)),
    deliveries: await inBatches(({ deliveries }) =>
      deliveries.removeOlderThan(options.eventRetentionSeconds, batchSize),
    ),
  }
}

/**
 * Deletes the accounts whose deletion is due, as an administrator would: with revocations and events. In small
 * transactions, each with the lock of {@link cleanUp}. A sign-in at the same moment comes before, and keeps the account, or
 * after, and is refused.
 *
 * @returns the number of deleted accounts
 */
export async function deleteDueAccounts(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  { batchSize = 20, signal }: Pick<CleanUpOptions, 'batchSize' | 'signal'> = {},
): Promise<number> {
  for (let total = 0; ; await sleep(PAUSE_MS)) {
    const deleted = await commitAndAnnounce(context, async repositories => {
      if (!(await repositories.cleanUpLock.take())) return 0
      const due = await repositories.users.takeDue(batchSize)
      for (const user of due) await removeAccount(repositories, user, { actor: 'user' })
      return due.length
    })
    total += deleted
    if (deleted < batchSize || signal?.aborted) return total
  }
}

type Of<Kind extends Revocation['kind']> = Extract<Revocation, { kind: Kind }>

/**
 * Repeats revocations that the database lost in a failover: the entries of the journal and the changes that caused
 * them. If several instances find the loss at the same time, the first one repairs it and the others find nothing to
 * do.
 *
 * @param findLost returns the entries that are missing in the journal
 * @returns the entries that were written
 */
export async function repairRevocations(
  db: Database,
  findLost: (known: readonly Revocation[]) => Revocation[],
): Promise<Revocation[]> {
  return db.transaction(async given => {
    const { journal, users, sessions, refreshTokens, realm, signingKeys } = withJournalWrites(given)
    await journal.lockForRepair()
    const lost = findLost((await journal.readAll()).entries)
    const of = <Kind extends Revocation['kind']>(kind: Kind) =>
      lost.filter((entry): entry is Of<Kind> => entry.kind === kind)

    // In the lock order: users before sessions before the whitelist before the journal.
    for (const entry of of('realm')) await realm.raiseNotBefore(entry.before)
    for (const entry of of('key')) await signingKeys.revoke(entry.subject)
    const outdated: string[] = []
    for (const entry of of('user').sort((a, b) => (a.subject < b.subject ? -1 : 1))) {
      if ('belowRolesVersion' in entry) await users.raiseRolesVersionTo(entry.subject, entry.belowRolesVersion)
      else if ('belowVersion' in entry && (await users.raiseTokenVersionTo(entry.subject, entry.belowVersion)))
        outdated.push(entry.subject)
    }
    const lostSessions = of('session').map(({ subject }) => subject)
    const ended = [
      ...(await sessions.revokeAny(lostSessions, 'recovered')),
      ...(await sessions.revokeAllOf(outdated, 'recovered')),
    ]
    await refreshTokens.remove(ended.map(({ id }) => id))
    return journal.append(lost)
  })
}
