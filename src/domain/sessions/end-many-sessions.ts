import { setTimeout as sleep } from 'node:timers/promises'
import type { RevokingRepositories } from '../../postgres/database.js'
import type { NewSecurityEvent } from '../../postgres/security-events.js'
import { roleNamed } from '../accounts/roles.js'
import { type AuthContext, commitAndAnnounce } from '../context.js'
import { endAllSessionsOfUsers, revokeTokensOfSessions } from './end-sessions.js'

/**
 * Ends every session of every user that began before now, here and at every verifier. One row says so; the dead rows
 * themselves are cleared away later, in batches. It takes up to a second. What an earlier call ended stays as it is.
 *
 * @param actor who does it, for the event
 * @param until ends only what is older than this instant (seconds since the epoch). One ahead is now: clocks differ, and
 *   nobody is signed out in advance
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
 * The whole second before which everything has begun that is to end, when it has come. Tokens say in whole seconds when
 * their session began. It is waited for outside the transaction, so that nobody waits for its locks meanwhile.
 */
async function nextSecond({ realm }: Pick<AuthContext['db'], 'realm'>, until: number | undefined): Promise<number> {
  let now = await realm.now()
  const bound = Math.ceil(Math.min(until ?? now, now))
  for (; now < bound; now = await realm.now()) await sleep(Math.ceil((bound - now) * 1000))
  return bound
}

/**
 * Ends every session of every user of a role, each user with an event. Sign-ins of theirs that are under way find their
 * fence broken, as with one user.
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
 * Ends every session that a client opened, each with its event.
 *
 * @param clientId of a client that may be gone; `latchkey` are the sessions that people opened themselves
 * @returns how many have ended
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

/** How many rows one transaction changes: none of them holds its locks for long. */
const BATCH_SIZE = 500
const LOWEST_ID = '00000000-0000-0000-0000-000000000000'

/** Where a batch begins, and how long it may be. */
export interface Batch {
  afterId: string
  limit: number
}

/**
 * Revokes in small transactions, each of which counts at once. Should one fail half-way, the rest follows when the whole
 * is asked for again.
 *
 * @param work changes a batch; returns the ids that it changed, in order
 * @returns how many were changed
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
