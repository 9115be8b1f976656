import type { Revocation } from '@latchkey/verifier/core'
import type { RevokingRepositories } from '../../postgres/database.js'
import type { NewRevocation } from '../../postgres/journal.js'
import type { NewSecurityEvent } from '../../postgres/security-events.js'

/** Why a session was revoked: stored with the session and shown to its owner. */
export type RevokeReason =
  | 'logout'
  | 'logout_others'
  | 'logout_all'
  | 'revoked_by_user'
  | 'refresh_token_reused'
  | 'password_changed'
  | 'password_reset'
  | 'not_me'
  | 'user_disabled'
  | 'deletion_requested'
  | 'user_deleted'
  | 'temporary_password_set'
  | 'revoked_by_admin'
  | 'revoked_by_client'
  | 'client_removed'
  | 'too_many_sessions'

/**
 * Revokes sessions in the caller's transaction and in the lock order: rows of sessions, whitelist, journal.
 *
 * @returns the entries that were written to the journal
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

/** Revokes every session of a user except one. It locks the user's row, so that no session is opened meanwhile. */
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

/** Revokes a user's oldest sessions beyond a limit. The caller has locked the user's row. */
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
 * The same as {@link endAllSessions} for several users. Users without a session need no entry in the journal, as they
 * have no valid token.
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
 * Revokes every session of a user, and every access token with a version below the given one. The caller has increased
 * the user's token_version to it in the same transaction, which also makes a sign-in in progress fail.
 */
export async function endAllSessions(
  repositories: RevokingRepositories,
  user: { id: string; tokenVersion: number },
  reason: RevokeReason,
): Promise<Revocation[]> {
  await removeAllOf(repositories, [user], reason)
  return repositories.journal.append([{ kind: 'user', subject: user.id, belowVersion: user.tokenVersion, reason }])
}

/** An event for each revoked session. */
export function revokedEvents(
  entries: readonly Revocation[],
  event: Omit<NewSecurityEvent, 'type' | 'sessionId'>,
): NewSecurityEvent[] {
  return entries
    .filter(entry => entry.kind === 'session')
    .map(({ subject }) => ({ ...event, type: 'session_revoked', sessionId: subject }))
}

/** Removes sessions from the whitelist and writes them to the journal. The caller has revoked their rows. */
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
