import { type Placeholder, type SQL, sql } from 'drizzle-orm'
import { users } from './schema/accounts.js'
import { clients } from './schema/clients.js'
import { refreshTokens, sessions } from './schema/sessions.js'

/** What every statement that lets somebody in returns: all that the tokens and the answer are made of. */
export interface SessionFacts {
  sessionId: string
  userId: string
  email: string
  username: string | null
  /** The id that another system knows the user by. */
  externalId: string | null
  /** Those that the tokens of this session carry: see {@link carriedRoles}. */
  roles: string[]
  rolesVersion: number
  userCreatedAt: Date
  /** The session's token_version, which its access tokens carry. */
  tokenVersion: number
  clientId: string
  /** When the session began; whole seconds since the epoch. */
  authTime: number
  /** The `iat` of an access token minted now, by the database's clock; whole seconds since the epoch. */
  issuedAt: number
  /** When the session ends unless it is refreshed, rounded down as the others; null when it has no refresh token. */
  endsAt: number | null
  /** False: the cookie of this session ends with the browser. */
  remember: boolean
  /** Where the session was last used from, as far as it is known. */
  userAgent: string | null
  ip: string | null
  /** How long the refresh token has to live; null when there is none. */
  refreshExpiresInSeconds: number | null
}

/**
 * The roles that the tokens of a session carry: those of its user, or none where a client opened it. A client may sign
 * anybody in, administrators too, and must not get their power that way. One with the scope `admin` has that power anyway.
 *
 * @param clientId of the session
 * @param roles of the user
 */
export function carriedRoles(clientId: SQL, roles: SQL): SQL<string[]> {
  return sql`case when ${clientId} in (${FIRST_PARTY}) then array_remove(${roles}, null) else coalesce(
    (select array_remove(${roles}, null) from ${clients} where ${clients.id} = (${clientId})::uuid and 'admin' = any(${clients.scopes})),
    '{}') end`
}

/** The sessions that no client opened. Written out, so that it is no parameter of a prepared statement. */
const FIRST_PARTY = sql.raw("'latchkey', 'simple-jwt'")

/** An instant as tokens have them: whole seconds since the epoch, rounded down. */
export function wholeSeconds(instant: SQL): SQL<number> {
  return sql`floor(extract(epoch from ${instant}))::float8`
}

export const sessionFacts = {
  sessionId: sessions.id,
  userId: users.id,
  email: users.email,
  username: users.username,
  externalId: users.externalId,
  roles: carriedRoles(sql`${sessions.clientId}`, sql`${users.roles}`),
  rolesVersion: users.rolesVersion,
  userCreatedAt: users.createdAt,
  tokenVersion: sessions.tokenVersion,
  clientId: sessions.clientId,
  // The later of the two, as the realm's instant is compared with when the row was made.
  authTime: wholeSeconds(sql`greatest(${sessions.authTime}, ${sessions.createdAt})`),
  issuedAt: wholeSeconds(sql`now()`),
  endsAt: wholeSeconds(sql`${refreshTokens.expiresAt}`) as SQL<number | null>,
  remember: sessions.remember,
  userAgent: sessions.userAgent,
  ip: sessions.ip,
  refreshExpiresInSeconds: sql<number | null>`extract(epoch from ${refreshTokens.expiresAt} - now())::float8`,
}

/** Ids as one parameter, `uuid[]`: the statement has the same text for any number of them. */
export function idArray(ids: readonly string[]): string {
  return `{${ids.join()}}`
}

/** A number of seconds as an interval. */
export function seconds(count: number | Placeholder): SQL {
  return sql`make_interval(secs => ${count})`
}
