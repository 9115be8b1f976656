import { isCount, isInstant, isText, type TokenFacts } from '@latchkey/verifier/core'
import { fieldError, LatchkeyError } from '../../lib/errors.js'
import { isUuid, newId } from '../../lib/ids.js'
import type { KnownClient } from '../../postgres/clients.js'
import type { AuthContext } from '../context.js'
import { revocationsStale, verifySignature } from '../tokens/verify-access-token.js'
import type { ClientPrincipal } from './client-principal.js'

export type { ClientPrincipal }

/** The claims of a client's own access token (RFC 9068, 2.2). It has no `sid`, because it has no session. */
export interface ClientTokenClaims {
  iss: string
  aud: string
  /** The client's id, as is `client_id`. */
  sub: string
  client_id: string
  iat: number
  exp: number
  jti: string
  /** Increases each time the client's secret is replaced. */
  ver: number
  /** The scopes, separated by spaces. */
  scope: string
}

/** Short, because a new token costs the client one request, and the client is looked up at each use anyway. */
const CLIENT_TOKEN_TTL_SECONDS = 300

/**
 * The audience of a client's token: this service only. Verifiers of users' tokens require another audience. So a
 * verifier that does not know client tokens refuses them, and does not read their `sub` as a user's id.
 */
export function clientTokenAudience({ issuer }: { issuer: string }): string {
  return `${issuer}/clients`
}

/** Signs an access token of a client with these scopes. */
function signClientToken(
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

/** Reads a client from verified claims; undefined if a claim is missing or has the wrong type. */
function clientPrincipalOf(claims: unknown, kid: string): ClientPrincipal | undefined {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined
  const { sub, sid, client_id, jti, iat, exp, ver, scope } = claims as Record<string, unknown>
  if (!isText(sub) || client_id !== sub || sid !== undefined || !isText(jti) || typeof scope !== 'string')
    return undefined
  if (!isInstant(iat) || !isInstant(exp) || !isCount(ver)) return undefined
  const scopes = scope.split(' ').filter(name => name !== '')
  return { clientId: sub, scopes, jti, kid, tokenVersion: ver, issuedAt: iat, expiresAt: exp }
}

/** The values that revocations compare. A client's token belongs to no user and no session. */
export function tokenFactsOf({ jti, kid, clientId, tokenVersion, issuedAt }: ClientPrincipal): TokenFacts {
  const subject = { userId: clientId, sessionId: clientId, rolesVersion: undefined }
  return { ...subject, jti, kid, tokenVersion, issuedAt, authTime: issuedAt }
}

export interface ClientGrant {
  accessToken: string
  accessExpiresInSeconds: number
  scopes: readonly string[]
}

/**
 * Issues an access token to a client (RFC 6749, 4.4), with the requested scopes or with all scopes of the client.
 *
 * @param wanted the requested scopes, separated by spaces (RFC 6749, 3.3)
 * @throws LatchkeyError invalid_scope
 */
export function grantClientCredentials(
  context: Pick<AuthContext, 'config' | 'keyring'>,
  client: KnownClient,
  wanted: string | undefined,
): ClientGrant {
  const scopes = wanted === undefined ? client.scopes : [...new Set(wanted.split(' '))]
  if (!scopes.every(scope => client.scopes.includes(scope)))
    throw fieldError('invalid_scope', 'scope', 'contains a scope that does not exist or that the client does not have')
  const accessToken = signClientToken(context, client, scopes)
  return { accessToken, accessExpiresInSeconds: CLIENT_TOKEN_TTL_SECONDS, scopes }
}

/**
 * Verifies a client's token and returns the client with its current scopes. Postgres is read each time, so that a
 * client that was removed or has a new secret is refused at once. Clients do not send thousands of requests a second.
 *
 * @throws LatchkeyError token_invalid, token_expired, token_revoked, token_stale, revocations_stale
 */
export async function verifyClientToken(
  { config, keyring, revocations, db, clock }: AuthContext,
  token: string,
): Promise<ClientPrincipal> {
  const { kid, claims } = await verifySignature(keyring, token, clock())
  const client = clientPrincipalOf(claims, kid)
  if (!client || claims.iss !== config.issuer || claims.aud !== clientTokenAudience(config) || !isUuid(client.clientId))
    throw new LatchkeyError('token_invalid')

  const concerns = { clientId: client.clientId }
  if (client.expiresAt <= clock() / 1000) throw new LatchkeyError('token_expired', { concerns })
  const refusal = revocations.refuses(tokenFactsOf(client))
  if (refusal === 'undecided') throw revocationsStale()
  if (refusal) throw new LatchkeyError('token_revoked', { concerns })
  const allowed = await db.clients.scopesOfToken(client)
  if (!allowed) throw new LatchkeyError('token_revoked', { concerns })
  return { ...client, scopes: client.scopes.filter(scope => allowed.includes(scope)) }
}

/** Whether a token claims to be a client's. It is not verified: this only chooses the function that verifies it. */
export function isClientToken({ config }: Pick<AuthContext, 'config'>, token: string): boolean {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.', 2)[1] ?? '', 'base64url').toString('utf8'))
    return (claims as { aud?: unknown } | null)?.aud === clientTokenAudience(config)
  } catch {
    return false
  }
}
