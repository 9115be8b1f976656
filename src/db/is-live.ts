import { sql } from 'drizzle-orm'
import { realm, refreshTokens, sessions, users } from './schema.js'

/** Of a session with its refresh token and the realm: nobody ended it, and it has not run out by itself. */
export const hasNotEnded = sql`${sessions.revokedAt} is null and ${sessions.expiresAt} > now()
  and ${refreshTokens.expiresAt} > now() and ${sessions.createdAt} >= ${realm.notBefore}`

/**
 * Whether a session is alive: the one answer, for every statement that asks. It is about a session joined with its
 * refresh token, its user and the realm. After a change of the user that ends every session, use {@link hasNotEnded}.
 */
export const isLive = sql`${hasNotEnded} and ${users.disabledAt} is null and ${users.tokenVersion} = ${sessions.tokenVersion}`
