import { type Placeholder, type SQL, sql } from 'drizzle-orm'
import { users } from './schema/accounts.js'
import { clients } from './schema/clients.js'
import { refreshTokens, sessions } from './schema/sessions.js'

/** What a sign-in and a refresh return: the data for the tokens and the response. */
export interface SessionFacts {
  sessionId: string
  userId: string
  email: string
  /** Whether letters to this address arrived. */
  emailVerified: boolean
  username: string | null
  /** The user's id in another system. */
  externalId: string | null
  /** The roles in the tokens of this session: see {@link carriedRoles}. */
  roles: string[]
  /** The claims of its user in the tokens of this session, as the roles; null if there are none. */
  claims: Record<string, unknown> | null
  /** The version of the roles and the claims. */
  rolesVersion: number
  userCreatedAt: Date
  /** The session's token_version, which its access tokens contain. */
  tokenVersion: number
  clientId: string
  /** When the session began; whole seconds since the epoch. */
  authTime: number
  /** The `iat` of an access token that is issued now, by the database's clock; whole seconds since the epoch. */
  issuedAt: number
  /** When the session ends if it is not refreshed, in whole seconds, rounded down; null if it has no refresh token. */
  endsAt: number | null
  /** False if the cookie of this session ends with the browser. */
  remember: boolean
  /** The last known browser and address of the session. */
  userAgent: string | null
  ip: string | null
  /** The remaining lifetime of the refresh token; null if there is none. */
  refreshExpiresInSeconds: number | null
  /** Only after a sign-in: whether it cancelled the deletion of the account. */
  deletionCancelled?: boolean
}

/**
 * The roles in the tokens of a session: those of its user, or none if a client opened the session. A client can open
 * sessions for any user, also for administrators, and must not get their rights. With the scope `admin` it has them
 * anyway.
 *
 * @param clientId the session's
 * @param roles the user's
 */
export function carriedRoles(clientId: SQL, roles: SQL): SQL<string[]> {
  return sql`coalesce(${carried(clientId, sql`array_remove(${roles}, null)`)}, '{}')`
}

/** The claims in the tokens of a session. They can grant rights as roles do, so they are carried in the same cases. */
export function carriedClaims(clientId: SQL, claims: SQL): SQL<Record<string, unknown> | null> {
  return carried(clientId, claims)
}

function carried<T>(clientId: SQL, value: SQL): SQL<T> {
  return sql`case when ${clientId} in (${FIRST_PARTY}) then ${value} else
    (select ${value} from ${clients} where ${clients.id} = (${clientId})::uuid and 'admin' = any(${clients.scopes})) end`
}

/**
 * The client ids of sessions that no client opened. Literals, so that they are no parameters of a prepared statement.
 */
const FIRST_PARTY = sql.raw("'latchkey', 'simple-jwt'")

/** An instant in the form that tokens use: whole seconds since the epoch, rounded down. */
export function wholeSeconds(instant: SQL): SQL<number> {
  return sql`floor(extract(epoch from ${instant}))::float8`
}

export const sessionFacts = {
  sessionId: sessions.id,
  userId: users.id,
  email: users.email,
  emailVerified: sql<boolean>`${users.emailVerifiedAt} is not null`,
  username: users.username,
  externalId: users.externalId,
  roles: carriedRoles(sql`${sessions.clientId}`, sql`${users.roles}`),
  claims: carriedClaims(sql`${sessions.clientId}`, sql`${users.claims}`),
  rolesVersion: users.rolesVersion,
  userCreatedAt: users.createdAt,
  tokenVersion: sessions.tokenVersion,
  clientId: sessions.clientId,
  // The later of the two, because the realm's instant is compared with created_at.
  authTime: wholeSeconds(sql`greatest(${sessions.authTime}, ${sessions.createdAt})`),
  issuedAt: wholeSeconds(sql`now()`),
  endsAt: wholeSeconds(sql`${refreshTokens.expiresAt}`) as SQL<number | null>,
  remember: sessions.remember,
  userAgent: sessions.userAgent,
  ip: sessions.ip,
  refreshExpiresInSeconds: sql<number | null>`extract(epoch from ${refreshTokens.expiresAt} - now())::float8`,
}

/** Ids as one parameter of the type `uuid[]`, so that any number of them is the same statement. */
export function idArray(ids: readonly string[]): string {
  return `{${ids.join()}}`
}

/** A number of seconds as an interval. */
export function seconds(count: number | Placeholder): SQL {
  return sql`make_interval(secs => ${count})`
}
