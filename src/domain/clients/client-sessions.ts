import { LatchkeyError } from '../../lib/errors.js'
import type { Client } from '../../postgres/clients.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext, Caller } from '../context.js'
import { openSession } from '../sessions/open-session.js'
import { BODY_PROOFS, registeredClient } from '../tokens/examine-refresh-token.js'
import { type Grant, grantTokens } from '../tokens/grant-tokens.js'
import { rotateRefreshToken } from '../tokens/rotate-refresh-token.js'
import type { ClientPrincipal } from './client-token.js'

export interface ClientSignIn {
  /** From its verified token, which is checked again in the transaction: the request may have waited. */
  client: ClientPrincipal
  userId: string
  /** How the client authenticated the user (RFC 8176). */
  authMethods: readonly string[]
  /** Where the user signs in from, as the client reports it. */
  caller: Caller
}

/**
 * Opens a session for a client that has its own sign-in and uses the rest of this service: rotation, the list of
 * sessions, revocation. No password is verified here, so the only condition is that the account exists and is enabled.
 * It is checked while the user's row is locked, so that the session cannot outlast a disabling at the same time.
 *
 * @throws LatchkeyError user_not_found, account_disabled, token_revoked if the client was removed or its token revoked
 */
export async function openClientSession(context: AuthContext, signIn: ClientSignIn): Promise<Grant> {
  const { client, userId, authMethods, caller } = signIn
  const { clientId } = client
  const opened = await commitAndAnnounce(context, async repositories => {
    const scopes = await repositories.clients.holdToken(client)
    if (!scopes?.includes('sessions')) throw new LatchkeyError('token_revoked')
    const session = await openSession(context, repositories, {
      userId,
      fence: null,
      clientId,
      authMethods,
      transport: 'body',
      caller,
    })
    if (!session) throw await refusal()
    return session

    async function refusal() {
      const user = await repositories.users.findById(userId)
      return new LatchkeyError(user ? 'account_disabled' : 'user_not_found')
    }
  })
  return grantTokens(context, opened.facts, opened.refreshToken)
}

/**
 * Exchanges the refresh token of a session that a client opened (RFC 6749, 6).
 *
 * @throws LatchkeyError invalid_grant, unauthorized_client, and what {@link rotateRefreshToken} throws
 */
export async function refreshClientSession(
  context: AuthContext,
  client: Pick<Client, 'id' | 'scopes'>,
  token: string,
): Promise<Grant> {
  if (!client.scopes.includes('sessions')) throw new LatchkeyError('unauthorized_client')
  // The request comes from the client's server, so its address and user agent are not those of the user.
  return rotateRefreshToken(context, token, {}, { client: registeredClient(client), proofs: BODY_PROOFS })
}
