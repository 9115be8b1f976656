import type { RevokingRepositories } from '../../postgres/database.js'
import type { NewRevocation } from '../../postgres/journal.js'
import type { NewSecurityEvent } from '../../postgres/security-events.js'
import type { Revocation } from '../../revocations/revocation.js'

/** Why a session ended: kept with the session and told to its owner. */
export type RevokeReason =
  | 'logout'
  | 'logout_others'
  | 'logout_all'
  | 'revoked_by_user'
  | 'refresh_token_reused'
  | 'password_changed'
  | 'password_reset'
  | 'user_disabled'
  | 'user_deleted'
  | 'temporary_password_set'
  | 'revoked_by_admin'
  | 'revoked_by_client'
  | 'client_removed'
  | 'too_many_sessions'

/**
 * Ends sessions, inside the caller's transaction and in the lock order: the rows, the whitelist, the journal.
 *
 * @returns the entries that the journal got
 */
export async function endSessions(
  repositories: RevokingRepositories,
  userId: string,
  ids: readonly string[],
  reason: RevokeReason,
): Promise<Revocation[]> {
  const ended = await repositories.sessions.revoke(ids, userId, reason)
  return revokeTokensOfSessions(repositories, idsOf(ended), reason)
}

/** Ends every session of a user but one. The user's row is held, so that no sign-in slips in between. */
export async function endOtherSessions(
  repositories: RevokingRepositories,
  userId: string,
  keptId: string,
  reason: RevokeReason,
): Promise<Revocation[]> {
  await repositories.users.lock(userId)
  const ended = await repositories.sessions.revokeOthers(userId, keptId, reason)
  return revokeTokensOfSessions(repositories, idsOf(ended), reason)
}

/** Ends a user's oldest sessions beyond a number of them; the caller holds the user's row. */
export async function endSessionsBeyond(
  repositories: RevokingRepositories,
  userId: string,
  limit: number,
  reason: RevokeReason,
): Promise<Revocation[]> {
  const ended = await repositories.sessions.revokeBeyond(userId, limit, reason)
  return revokeTokensOfSessions(repositories, idsOf(ended), reason)
}

/**
 * Ends all that several users have, their token versions raised by the caller as for one. Users without a session need
 * no entry in the journal: no token of theirs is alive.
 */
export async function endAllSessionsOfUsers(
  repositories: RevokingRepositories,
  users: readonly { id: string; tokenVersion: number }[],
  reason: RevokeReason,
): Promise<Revocation[]> {
  const ended = await removeAllOf(repositories, users, reason)
  const signedIn = new Set(ended.map(({ userId }) => userId))
  const outdated = users.filter(({ id }) => signedIn.has(id))
  return repositories.journal.append(
    outdated.map(({ id, tokenVersion }) => ({ kind: 'user', subject: id, belowVersion: tokenVersion, reason })),
  )
}

/**
 * Ends all that a user has: every session, and every access token of a version below the one given. The caller raised
 * the user's token_version to it in the same transaction, which also breaks the fence of a sign-in under way.
 */
export async function endAllSessions(
  repositories: RevokingRepositories,
  user: { id: string; tokenVersion: number },
  reason: RevokeReason,
): Promise<Revocation[]> {
  await removeAllOf(repositories, [user], reason)
  return repositories.journal.append([{ kind: 'user', subject: user.id, belowVersion: user.tokenVersion, reason }])
}

/** The events of sessions that were ended, one each. */
export function revokedEvents(
  entries: readonly Revocation[],
  event: Omit<NewSecurityEvent, 'type' | 'sessionId'>,
): NewSecurityEvent[] {
  return entries
    .filter(entry => entry.kind === 'session')
    .map(({ subject }) => ({ ...event, type: 'session_revoked', sessionId: subject }))
}

/** Takes sessions off the whitelist and into the journal; the caller ended their rows, no matter whose they are. */
export async function revokeTokensOfSessions(
  repositories: RevokingRepositories,
  ids: readonly string[],
  reason: RevokeReason,
): Promise<Revocation[]> {
  if (ids.length === 0) return []
  await repositories.refreshTokens.remove(ids)
  return repositories.journal.append(ids.map((subject): NewRevocation => ({ kind: 'session', subject, reason })))
}

async function removeAllOf(repositories: RevokingRepositories, users: readonly { id: string }[], reason: string) {
  const ended = await repositories.sessions.revokeAllOf(idsOf(users), reason)
  await repositories.refreshTokens.remove(idsOf(ended))
  return ended
}

function idsOf(rows: readonly { id: string }[]): string[] {
  return rows.map(({ id }) => id)
}
