import { isCredentialRefusal, LatchkeyError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import type { Client } from '../../postgres/clients.js'
import type { AuthContext } from '../context.js'
import { hasCurrentRoles } from '../tokens/access-token.js'
import { examineRefreshToken } from '../tokens/examine-refresh-token.js'
import { canBeExchanged } from '../tokens/judge-refresh-token.js'
import { readRefreshToken } from '../tokens/refresh-token.js'
import { verifyAccessToken } from '../tokens/verify-access-token.js'
import { clientTokenAudience, isClientToken, verifyClientToken } from './client-token.js'

/** The answer for an active token (RFC 7662, 2.2); times are whole seconds since the epoch. */
export interface ActiveToken {
  kind: 'access' | 'refresh'
  subject: string
  clientId: string
  expiresAt: number
  issuedAt?: number
  audience?: string
  jti?: string
  username?: string | null
  sessionId?: string
  authTime?: number
  roles?: readonly string[]
  /** Of the application, as in the token. */
  claims?: Readonly<Record<string, unknown>>
  scopes?: readonly string[]
}

/**
 * Whether a token of any kind is active now, by Postgres and not by the memory of this instance (RFC 7662). Undefined
 * if it is expired, revoked, foreign or invalid, without the reason. It changes nothing: a refresh token that was used
 * before is not active, but its session is not revoked by this request.
 *
 * Resource servers accept every active token, and most of them read nothing else of the answer. So for them only the
 * access token of a user is active. A refresh token is active for a client that sends the hint for it and for the
 * client whose session it belongs to; a client's token is active only for that client.
 *
 * @param hint the `token_type_hint` (RFC 7662, 2.1)
 * @throws LatchkeyError unauthorized_client; revocations_stale if the revocations are not known
 */
export async function introspectToken(
  context: AuthContext,
  client: Pick<Client, 'id' | 'scopes'>,
  token: string,
  hint?: string,
): Promise<ActiveToken | undefined> {
  if (!client.scopes.includes('introspect')) throw new LatchkeyError('unauthorized_client')
  const refreshToken = await introspectRefreshToken(context, token)
  if (refreshToken) return hint === 'refresh_token' || refreshToken.clientId === client.id ? refreshToken : undefined
  try {
    return isClientToken(context, token)
      ? await introspectClientToken(context, client.id, token)
      : await introspectAccessToken(context, token)
  } catch (error) {
    if (isCredentialRefusal(error)) return undefined
    throw error
  }
}

/** Active if it could be exchanged now: the session's current token, or the previous one within the leeway. */
async function introspectRefreshToken(context: AuthContext, text: string): Promise<ActiveToken | undefined> {
  const presented = readRefreshToken(text, context.secrets.refreshKeys)
  if (!presented) return undefined
  const verdict = await examineRefreshToken(context, presented)
  if (!canBeExchanged(verdict)) return undefined
  const { state } = verdict
  return {
    kind: 'refresh',
    subject: state.userId,
    clientId: state.clientId,
    sessionId: state.sessionId,
    username: state.username,
    expiresAt: Math.floor(context.clock() / 1000 + (state.refreshExpiresInSeconds ?? 0)),
  }
}

async function introspectAccessToken(context: AuthContext, token: string): Promise<ActiveToken | undefined> {
  const { config, db } = context
  const principal = await verifyAccessToken(context, token)
  if (!isUuid(principal.userId) || !isUuid(principal.sessionId)) return undefined
  const user = await db.introspection.userOf(principal)
  if (!user || !hasCurrentRoles(principal, user)) return undefined
  const { userId: subject, clientId, sessionId, issuedAt, expiresAt, jti, authTime, roles, claims } = principal
  const ofToken = { subject, clientId, sessionId, issuedAt, expiresAt, jti, authTime, roles, claims }
  return { kind: 'access', ...ofToken, username: user.username, audience: config.audience }
}

async function introspectClientToken(
  context: AuthContext,
  requesterId: string,
  token: string,
): Promise<ActiveToken | undefined> {
  const { clientId, scopes, jti, issuedAt, expiresAt } = await verifyClientToken(context, token)
  if (clientId !== requesterId) return undefined
  return {
    kind: 'access',
    subject: clientId,
    clientId,
    scopes,
    jti,
    issuedAt,
    expiresAt,
    audience: clientTokenAudience(context.config),
  }
}
