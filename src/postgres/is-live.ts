import { sql } from 'drizzle-orm'
import { users } from './schema/accounts.js'
import { refreshTokens, sessions } from './schema/sessions.js'

/**
 * From when on sessions and tokens count. No statement joins the table: a table of one row is never analysed, so Postgres
 * expects thousands of rows there, and plans for as many times more of everything that is joined with it.
 */
export const notBefore = sql<Date>`(select not_before from realm)`

/** Of a session with its refresh token: nobody ended it, and it has not run out by itself. */
export const hasNotEnded = sql`${sessions.revokedAt} is null and ${sessions.expiresAt} > now()
  and ${refreshTokens.expiresAt} > now() and ${sessions.createdAt} >= ${notBefore}`

/**
 * Of the sessions of one user. The sub-select keeps who it is from the planner, so that it expects what most users have
 * and follows the index. Of a user whom it knows by a long history it expects many live sessions, and reads everybody's.
 */
export const ofUser = sql`${sessions.userId} = (select ${sql.placeholder('userId')}::uuid)`

/** The same of several users. */
export const ofUsers = sql`${sessions.userId} = any((select ${sql.placeholder('userIds')}::uuid[])::uuid[])`

/**
 * Whether a session is alive: the one answer, for every statement that asks. It is about a session joined with its
 * refresh token and its user. After a change of the user that ends every session, use {@link hasNotEnded}.
 */
export const isLive = sql`${hasNotEnded} and ${users.disabledAt} is null and ${users.tokenVersion} = ${sessions.tokenVersion}`

/** What decides whether a session is alive, joined to it. */
export const parts = sql`refresh_tokens, users`
export const ofOneSession = sql`${refreshTokens.sessionId} = ${sessions.id} and ${users.id} = ${sessions.userId}`
