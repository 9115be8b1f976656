import { newId } from '../../lib/ids.js'
import type { KnownClient } from '../../postgres/clients.js'
import type { TokenFacts } from '../../revocations/revocation-list.js'
import type { AuthContext } from '../context.js'
import { isCount, isInstant, isText } from '../tokens/access-token.js'

/** The claims of a client's own access token (RFC 9068, 2.2). There is no `sid`: nobody has signed in. */
export interface ClientTokenClaims {
  iss: string
  aud: string
  /** The client's id, as is `client_id`. */
  sub: string
  client_id: string
  iat: number
  exp: number
  jti: string
  /** How often the client's secret has been replaced. */
  ver: number
  /** The scopes, between spaces. */
  scope: string
}

/** Who a verified request of a client is. */
export interface ClientPrincipal {
  clientId: string
  scopes: readonly string[]
  jti: string
  kid: string
  tokenVersion: number
  issuedAt: number
  /** Whole seconds since the epoch, as is `issuedAt`. */
  expiresAt: number
}

/** Short: another costs its client one request, and it is asked about at each use all the same. */
export const CLIENT_TOKEN_TTL_SECONDS = 300

/**
 * Whom a client's token is for: this service alone. Verifiers of users' tokens insist on an audience, so that one which
 * knows nothing of clients refuses it, and does not take its `sub` for a user's.
 */
export function clientTokenAudience({ issuer }: { issuer: string }): string {
  return `${issuer}/clients`
}

/** Makes an access token of a client with these of its scopes. */
export function mintClientToken(
  { config, keyring }: Pick<AuthContext, 'config' | 'keyring'>,
  client: KnownClient,
  scopes: readonly string[],
): string {
  const claims: ClientTokenClaims = {
    iss: config.issuer,
    aud: clientTokenAudience(config),
    sub: client.id,
    client_id: client.id,
    iat: client.issuedAt,
    exp: client.issuedAt + CLIENT_TOKEN_TTL_SECONDS,
    jti: newId(),
    ver: client.tokenVersion,
    scope: scopes.join(' '),
  }
  return keyring.signingKey(claims.iat * 1000).sign(claims)
}

/** Reads a client from verified claims; undefined when one is absent or of the wrong type. */
export function clientPrincipalOf(claims: unknown, kid: string): ClientPrincipal | undefined {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined
  const { sub, sid, client_id, jti, iat, exp, ver, scope } = claims as Record<string, unknown>
  if (!isText(sub) || client_id !== sub || sid !== undefined || !isText(jti) || typeof scope !== 'string')
    return undefined
  if (!isInstant(iat) || !isInstant(exp) || !isCount(ver)) return undefined
  const scopes = scope.split(' ').filter(name => name !== '')
  return { clientId: sub, scopes, jti, kid, tokenVersion: ver, issuedAt: iat, expiresAt: exp }
}

/** What a revocation can refuse a client's token by: it belongs to no user and no session. */
export function tokenFactsOf({ jti, kid, clientId, tokenVersion, issuedAt }: ClientPrincipal): TokenFacts {
  const subject = { userId: clientId, sessionId: clientId, rolesVersion: undefined }
  return { ...subject, jti, kid, tokenVersion, issuedAt, authTime: issuedAt }
}
