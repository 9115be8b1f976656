import { type Concerns, isCredentialRefusal } from '../../lib/errors.js'
import type { Client } from '../../postgres/clients.js'
import type { NewSecurityEvent } from '../../postgres/security-events.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext } from '../context.js'
import { endSessions } from '../sessions/end-sessions.js'
import { readRefreshToken } from '../tokens/refresh-token.js'
import { verifyAccessToken } from '../tokens/verify-access-token.js'
import { isClientToken, verifyClientToken } from './client-token.js'

/**
 * Revokes a token for a client (RFC 7009). A refresh token revokes its whole session, an access token only itself. The
 * client can revoke the tokens of the sessions that it opened and its own access tokens; with the scope `admin`, every
 * token. Resolves for every other token too, without a change, so that the client learns nothing about it.
 *
 * @returns whose token was revoked; undefined if none was
 */
export async function revokeToken(
  context: AuthContext,
  client: Pick<Client, 'id' | 'scopes'>,
  token: string,
): Promise<Concerns | undefined> {
  const isOwn = (clientId: string) => clientId === client.id || client.scopes.includes('admin')
  const refreshToken = readRefreshToken(token, context.secrets.refreshKeys)
  if (refreshToken) return endSessionOf(context, refreshToken.sessionId, client.id, isOwn)

  const found = await liveAccessToken(context, token)
  if (!found || !isOwn(found.clientId)) return undefined
  await revokeAccessToken(context, found, client.id)
  return found
}

async function endSessionOf(
  context: AuthContext,
  sessionId: string,
  actor: string,
  isOwn: (clientId: string) => boolean,
): Promise<Concerns | undefined> {
  const session = await context.db.refreshTokens.find(sessionId)
  if (!session || !isOwn(session.clientId)) return undefined
  const { userId } = session
  await commitAndAnnounce(context, async repositories => {
    const entries = await endSessions(repositories, userId, [sessionId], 'revoked_by_client')
    if (entries.length > 0) await repositories.securityEvents.add({ type: 'session_revoked', userId, sessionId, actor })
  })
  return { userId, sessionId }
}

/** Undefined if the token is expired, revoked or invalid: then nothing is left to revoke. */
async function liveAccessToken(context: AuthContext, token: string) {
  try {
    if (isClientToken(context, token)) return await verifyClientToken(context, token)
    return await verifyAccessToken(context, token)
  } catch (error) {
    if (isCredentialRefusal(error)) return undefined
    throw error
  }
}

async function revokeAccessToken(
  context: AuthContext,
  token: { jti: string; userId?: string; sessionId?: string },
  actor: string,
): Promise<void> {
  const { jti: subject, userId, sessionId } = token
  await commitAndAnnounce(context, async repositories => {
    const event: NewSecurityEvent = { type: 'token_revoked', userId, sessionId, actor, details: { jti: subject } }
    await repositories.journal.append([{ kind: 'token', subject, reason: 'revoked_by_client' }])
    await repositories.securityEvents.add(event)
  })
}
