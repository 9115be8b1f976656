import { sql } from 'drizzle-orm'
import { users } from './schema/accounts.js'
import { refreshTokens, sessions } from './schema/sessions.js'

/**
 * The realm's instant, before which every session and token is invalid. It is a sub-select, because no statement joins
 * the table: a table of one row is never analysed, so Postgres would expect thousands of rows, and multiply its
 * estimate for everything that is joined with it.
 */
export const notBefore = sql<Date>`(select not_before from realm)`

/** Whether a session, joined with its refresh token, was neither revoked nor has expired. */
export const hasNotEnded = sql`${sessions.revokedAt} is null and ${sessions.expiresAt} > now()
  and ${refreshTokens.expiresAt} > now() and ${sessions.createdAt} >= ${notBefore}`

/**
 * Whether a session is live. Every statement that asks this uses this fragment, on a session that is joined with its
 * refresh token and its user. In the same transaction as a change of the user that ends all sessions, use
 * {@link hasNotEnded}: the user's version differs by then.
 */
export const isLive = sql`${hasNotEnded} and ${users.disabledAt} is null and ${users.tokenVersion} = ${sessions.tokenVersion}`

/** The conditions of {@link isLive}, each negated as a column of its own: why a session is not live. */
export const reasonsNotLive = {
  userDisabled: sql<boolean>`${users.disabledAt} is not null`,
  sessionRevoked: sql<boolean>`${sessions.revokedAt} is not null`,
  sessionExpired: sql<boolean>`${sessions.expiresAt} <= now()`,
  outdated: sql<boolean>`${users.tokenVersion} <> ${sessions.tokenVersion} or ${sessions.createdAt} < ${notBefore}`,
}

/** Null if the session has no refresh token. */
export const refreshTokenExpired = sql<boolean | null>`${refreshTokens.expiresAt} <= now()`

/** When a session ends if it is neither refreshed nor revoked. Plain text, for statements that name their tables. */
export const endOfSession = sql`least(refresh_tokens.expires_at, sessions.expires_at)`

/**
 * Whether a session expired before anything else ended it. A revoked session has no refresh token, so the join
 * excludes it. "Sign out everyone" deletes no refresh tokens, so the second line excludes its sessions.
 */
export const hasExpired = sql`${endOfSession} <= now()
  and (sessions.created_at >= ${notBefore} or ${endOfSession} < ${notBefore})`

/** The tables to join with `sessions` for {@link isLive}, and the condition of the join. */
export const liveTables = sql`refresh_tokens, users`
export const joinsLiveTables = sql`${refreshTokens.sessionId} = ${sessions.id} and ${users.id} = ${sessions.userId}`

/**
 * The sessions of one user. The sub-select hides the user's id from the planner, so it expects the average number of
 * sessions and uses the index. For a user with a long history it would expect many live sessions, and read the whole
 * table.
 */
export const ofUser = sql`${sessions.userId} = (select ${sql.placeholder('userId')}::uuid)`

/** The sessions of several users. */
export const ofUsers = sql`${sessions.userId} = any((select ${sql.placeholder('userIds')}::uuid[])::uuid[])`
