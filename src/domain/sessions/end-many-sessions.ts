import { setTimeout as sleep } from 'node:timers/promises'
import type { RevokingRepositories } from '../../postgres/database.js'
import type { NewSecurityEvent } from '../../postgres/security-events.js'
import { roleNamed } from '../accounts/roles.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext } from '../context.js'
import { endAllSessionsOfUsers, revokeTokensOfSessions } from './end-sessions.js'

/**
 * Revokes every session of every user that began before now, here and at every verifier. This writes one row; the rows
 * of the sessions are deleted later, in batches. It takes up to a second. It changes nothing for sessions that an
 * earlier call revoked.
 *
 * @param actor the actor in the event
 * @param until revokes only sessions that began before this instant (seconds since the epoch). An instant in the future
 *   counts as now: clocks differ, and no later session must be revoked
 */
export async function signOutEveryone(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  actor: string,
  until?: number,
): Promise<void> {
  const bound = await nextSecond(context.db, until)
  await commitAndAnnounce(context, async ({ realm, journal, securityEvents }) => {
    const before = await realm.endEverything(bound, until)
    if (before === undefined) return
    await journal.append([{ kind: 'realm', before, reason: 'signed_out_everyone' }])
    await securityEvents.add({ type: 'everyone_signed_out', actor, details: { before } })
  })
}

/**
 * Waits for the next whole second and returns it: every session to be revoked began before it. Whole seconds, because
 * tokens contain the start of their session in whole seconds. The wait is outside the transaction, so that it holds no
 * locks meanwhile.
 */
async function nextSecond({ realm }: Pick<AuthContext['db'], 'realm'>, until: number | undefined): Promise<number> {
  let now = await realm.now()
  const bound = Math.ceil(Math.min(until ?? now, now))
  for (; now < bound; now = await realm.now()) await sleep(Math.ceil((bound - now) * 1000))
  return bound
}

/**
 * Revokes every session of every user with a role, with an event for each user. Sign-ins of these users that are in
 * progress fail, as they do when the sessions of one user are revoked.
 *
 * @returns how many users have the role
 * @throws LatchkeyError invalid_role
 */
export async function endSessionsOfRole(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  name: string,
  actor: string,
): Promise<number> {
  const role = roleNamed(name)
  return inBatches(context, async (repositories, { afterId, limit }) => {
    const users = await repositories.users.raiseTokenVersionsOfRole(role, afterId, limit)
    await endAllSessionsOfUsers(repositories, users, 'revoked_by_admin')
    await repositories.securityEvents.addAll(
      users.map(({ id }): NewSecurityEvent => ({ type: 'sessions_revoked', userId: id, actor, details: { role } })),
    )
    return users.map(({ id }) => id)
  })
}

/**
 * Revokes every session that a client opened, each with its event.
 *
 * @param clientId the client can be removed already; `latchkey` stands for sessions that users opened themselves
 * @returns how many sessions were revoked
 */
export function endSessionsOfClient(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  clientId: string,
  reason: 'revoked_by_admin' | 'client_removed',
  actor: string,
): Promise<number> {
  return inBatches(context, async (repositories, { afterId, limit }) => {
    const ended = await repositories.sessions.revokeSomeOfClient(clientId, afterId, limit, reason)
    const ids = ended.map(({ id }) => id)
    await revokeTokensOfSessions(repositories, ids, reason)
    await repositories.securityEvents.addAll(
      ended.map(({ id, userId }): NewSecurityEvent => {
        const details = { reason, client_id: clientId }
        return { type: 'session_revoked', userId, sessionId: id, actor, details }
      }),
    )
    return ids
  })
}

/** How many rows one transaction changes, so that none holds its locks for long. */
const BATCH_SIZE = 500
const LOWEST_ID = '00000000-0000-0000-0000-000000000000'

/** The start of a batch, and its maximum length. */
export interface Batch {
  afterId: string
  limit: number
}

/**
 * Revokes in small transactions, each of which takes effect at once. If one fails, the next call of the whole operation
 * revokes the rest.
 *
 * @param work changes a batch, and returns the ids of the changed rows, in order
 * @returns how many rows were changed
 */
async function inBatches(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  work: (repositories: RevokingRepositories, batch: Batch) => Promise<readonly string[]>,
): Promise<number> {
  let changed = 0
  let afterId = LOWEST_ID
  for (;;) {
    const batch = { afterId, limit: BATCH_SIZE }
    const ids = await commitAndAnnounce(context, repositories => work(repositories, batch))
    changed += ids.length
    if (ids.length < BATCH_SIZE) return changed
    afterId = ids.at(-1)!
  }
}
