import { encodableRoles, type Principal } from '@latchkey/verifier/core'
import { newId } from '../../lib/ids.js'
import type { SessionFacts } from '../../postgres/session-facts.js'
import { type Claims, claimsForToken } from '../accounts/claims.js'

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
  /**
   * The newest generation of refresh token that its holder has shown or received. A request with it shows that the
   * client has stored a token of this generation (docs/rotation.md, "In use").
   */
  gen: number
  roles: string[]
  /** Whether letters to the user's address arrived, when it was issued. */
  email_verified: boolean
  /** The version of the user's roles and claims when it was issued. */
  roles_version: number
  /** Only in tokens of the Simple JWT API, whose verifiers require it. */
  token_type?: 'access'
  /** Only in these tokens: the user's id in the other system, or else in Latchkey. */
  user_id?: string
}

/** The client_id of sessions that began at the Simple JWT API. All their access tokens have the claim `token_type`. */
export const SIMPLE_JWT_CLIENT_ID = 'simple-jwt'

/**
 * The claims of a new access token of a session. The times come from the database's clock, so that all instances agree.
 * It expires no later than its session.
 *
 * @param withTokenType adds `token_type` and `user_id` also if the session did not begin at the Simple JWT API
 */
export function accessTokenClaims(
  facts: SessionFacts,
  generation: number,
  settings: { issuer: string; audience: string; accessTokenTtlSeconds: number; claimsNamespace: string },
  withTokenType = false,
): AccessTokenClaims {
  const roles = encodableRoles(facts.roles)
  const custom = claimsForToken(facts.claims, roles, settings.claimsNamespace)
  return {
    ...(custom && { [settings.claimsNamespace]: custom }),
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
    roles,
    roles_version: facts.rolesVersion,
    email_verified: facts.emailVerified,
    ...((withTokenType || facts.clientId === SIMPLE_JWT_CLIENT_ID) && {
      token_type: 'access',
      user_id: facts.externalId ?? facts.userId,
    }),
  }
}

/** The claims of the application in the claims of a token. */
export function claimsIn(token: AccessTokenClaims, namespace: string): Claims {
  return (token as unknown as Record<string, Claims | undefined>)[namespace] ?? {}
}

/**
 * Whether the roles and the claims in a token are the user's current ones. Tokens without `roles_version`, of older releases, pass.
 */
export function hasCurrentRoles({ rolesVersion }: Principal, user: { rolesVersion: number }): boolean {
  return rolesVersion === undefined || rolesVersion === user.rolesVersion
}
