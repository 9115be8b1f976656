import { type Placeholder, type SQL, sql } from 'drizzle-orm'
import { realm, refreshTokens, sessions, users } from './schema.js'

/** What every statement that lets somebody in returns: all that the tokens and the answer are made of. */
export interface SessionFacts {
  sessionId: string
  userId: string
  email: string
  username: string | null
  /** The id that another system knows the user by. */
  externalId: string | null
  roles: string[]
  userCreatedAt: Date
  /** The session's token_version, which its access tokens carry. */
  tokenVersion: number
  clientId: string
  /** Whole seconds since the epoch. */
  authTime: number
  /** The `iat` of an access token minted now, by the database's clock; whole seconds since the epoch. */
  issuedAt: number
  /** False: the cookie of this session ends with the browser. */
  remember: boolean
  /** Where the session was last used from, as far as it is known. */
  userAgent: string | null
  ip: string | null
  /** How long the refresh token has to live; null when there is none. */
  refreshExpiresInSeconds: number | null
}

/**
 * Never before the instants that the realm and the user count tokens from, which are rounded up to a whole second: a
 * token made within the very second of a "sign everyone out" or a change of roles would otherwise be refused at once.
 */
export const issuedAt = sql<number>`extract(epoch from
  greatest(date_trunc('second', now()), ${realm.notBefore}, ${users.tokensNotBefore}))::float8`

export const sessionFacts = {
  sessionId: sessions.id,
  userId: users.id,
  email: users.email,
  username: users.username,
  externalId: users.externalId,
  roles: users.roles,
  userCreatedAt: users.createdAt,
  tokenVersion: sessions.tokenVersion,
  clientId: sessions.clientId,
  authTime: sql<number>`floor(extract(epoch from ${sessions.authTime}))::float8`,
  issuedAt,
  remember: sessions.remember,
  userAgent: sessions.userAgent,
  ip: sessions.ip,
  refreshExpiresInSeconds: sql<number | null>`extract(epoch from ${refreshTokens.expiresAt} - now())::float8`,
}

/** A number of seconds as an interval. */
export function seconds(count: number | Placeholder): SQL {
  return sql`make_interval(secs => ${count})`
}
