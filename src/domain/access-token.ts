import { newId } from '../lib/ids.js'
import type { SessionFacts } from '../postgres/session-facts.js'
import { carriableRoles } from './roles.js'

/** The claims of an access token (RFC 9068, 2.2), and the two that revocation and rotation need. */
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
  /** The refresh generation that was current when it was made. */
  gen: number
  roles: string[]
  /** The user's roles_version when it was made: of which change its roles are. */
  roles_version: number
  /** In Simple JWT's dialect alone: what its verifiers look for in an access token. */
  token_type?: 'access'
  /** In the same dialect: the id that the other system knows the user by, else our own. */
  user_id?: string
}

/** The client_id of sessions that begin in Simple JWT's dialect: wherever they go on, their access tokens speak it. */
export const SIMPLE_JWT_CLIENT_ID = 'simple-jwt'

/** The `typ` of an access token's header (RFC 9068, 2.1): no other JWT passes for one. */
export const ACCESS_TOKEN_TYPE = 'at+jwt'

/**
 * The claims of a new access token of a session. Its clock is the database's, so that all instances agree. It never
 * outlives its session.
 *
 * @param dialect makes the token one of that dialect although its session began elsewhere
 */
export function accessTokenClaims(
  facts: SessionFacts,
  generation: number,
  settings: { issuer: string; audience: string; accessTokenTtlSeconds: number },
  dialect?: 'simple-jwt',
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
    roles: carriableRoles(facts.roles),
    roles_version: facts.rolesVersion,
    ...((dialect === 'simple-jwt' || facts.clientId === SIMPLE_JWT_CLIENT_ID) && {
      token_type: 'access',
      user_id: facts.externalId ?? facts.userId,
    }),
  }
}
