import { LatchkeyError } from '../../lib/errors.js'
import type { Client } from '../../postgres/clients.js'
import type { AuthContext } from '../context.js'
import { BODY_PROOFS, presenterOf } from '../tokens/examine-refresh-token.js'
import type { Grant } from '../tokens/grant-tokens.js'
import { rotateRefreshToken } from '../tokens/rotate-refresh-token.js'

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
  // The request comes from the client's server, which says nothing about the person's address or device.
  return rotateRefreshToken(context, token, {}, { presenter: presenterOf(client), proofs: BODY_PROOFS })
}
