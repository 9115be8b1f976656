import { newId } from '../../lib/ids.js'
import type { SessionFacts } from '../../postgres/session-facts.js'
import { encodableRoles } from '../accounts/roles.js'
import type { Principal } from './principal.js'

export type { Principal }

/** The claims of an access token (RFC 9068, 2.2), and those that revocation and rotation need. */
export interface AccessTokenClaims {
  iss: string
  aud: string
  sub: string
  /** Whole seconds since the epoch, as are `exp` and `auth_time`. */
  iat: number
  exp: number
  jti: string
  sid: string
  client_id: string
  auth_time: number
  /** The session's token_version. */
  ver: number
  /** The generation of the refresh token that was current when it was issued. */
  gen: number
  roles: string[]
  /** The user's roles_version when it was issued. */
  roles_version: number
  /** Only in tokens of the Simple JWT API, whose verifiers require it. */
  token_type?: 'access'
  /** Only in these tokens: the user's id in the other system, or else in Latchkey. */
  user_id?: string
}

/** The client_id of sessions that began at the Simple JWT API. All their access tokens have the claim `token_type`. */
export const SIMPLE_JWT_CLIENT_ID = 'simple-jwt'

/** The `typ` in the header of an access token (RFC 9068, 2.1): no other kind of JWT is accepted as one. */
export const ACCESS_TOKEN_TYPE = 'at+jwt'

/**
 * The claims of a new access token of a session. The times come from the database's clock, so that all instances agree.
 * It expires no later than its session.
 *
 * @param withTokenType adds `token_type` and `user_id` also if the session did not begin at the Simple JWT API
 */
export function accessTokenClaims(
  facts: SessionFacts,
  generation: number,
  settings: { issuer: string; audience: string; accessTokenTtlSeconds: number },
  withTokenType = false,
): AccessTokenClaims {
  return {
    iss: settings.issuer,
    aud: settings.audience,
    sub: facts.userId,
    iat: facts.issuedAt,
    exp: Math.min(facts.issuedAt + settings.accessTokenTtlSeconds, facts.endsAt ?? facts.issuedAt),
    jti: newId(),
    sid: facts.sessionId,
    client_id: facts.clientId,
    auth_time: facts.authTime,
    ver: facts.tokenVersion,
    gen: generation,
    roles: encodableRoles(facts.roles),
    roles_version: facts.rolesVersion,
    ...((withTokenType || facts.clientId === SIMPLE_JWT_CLIENT_ID) && {
      token_type: 'access',
      user_id: facts.externalId ?? facts.userId,
    }),
  }
}

/** Reads a principal from verified claims; undefined if a claim is missing or has the wrong type (RFC 9068, 4). */
export function principalOf(claims: unknown, kid: string): Principal | undefined {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined
  const { sub, sid, jti, iat, exp, ver, gen, roles, roles_version, client_id, auth_time, token_type } =
    claims as Record<string, unknown>
  if (!isText(sub) || !isText(sid) || !isText(jti) || !isText(client_id)) return undefined
  if (!isInstant(iat) || !isInstant(exp) || !isInstant(auth_time) || !isCount(ver) || !isCount(gen)) return undefined
  if (!Array.isArray(roles) || !roles.every(role => typeof role === 'string')) return undefined
  if (roles_version !== undefined && !isCount(roles_version)) return undefined
  return {
    kid,
    jti,
    sessionId: sid,
    userId: sub,
    tokenVersion: ver,
    issuedAt: iat,
    expiresAt: exp,
    authTime: auth_time,
    clientId: client_id,
    generation: gen,
    roles: encodableRoles(roles),
    rolesVersion: roles_version,
    ...(token_type === 'access' && { tokenType: token_type }),
  }
}

/**
 * Whether the roles in a token are the user's current ones. Tokens without `roles_version`, of older releases, pass.
 */
export function hasCurrentRoles({ rolesVersion }: Principal, user: { rolesVersion: number }): boolean {
  return rolesVersion === undefined || rolesVersion === user.rolesVersion
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** Refuses 1e999, which is valid JSON and which JavaScript reads as Infinity: such a token would never expire. */
export function isInstant(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
