import { LatchkeyError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import type { AuthContext } from '../context.js'
import { verifySignature } from '../tokens/verify-access-token.js'
import { type ClientPrincipal, clientPrincipalOf, clientTokenAudience, tokenFactsOf } from './client-token.js'

/**
 * Says which client bears a token, and what it may do now. Postgres is asked each time: a client that was removed, or
 * has another secret, is refused at once, and nothing that clients do is done thousands of times a second.
 *
 * @throws LatchkeyError token_invalid, token_expired, token_revoked, token_stale
 */
export async function verifyClientToken(
  { config, keyring, revocations, db, clock }: AuthContext,
  token: string,
): Promise<ClientPrincipal> {
  const { kid, claims } = await verifySignature(keyring, token, clock())
  const client = clientPrincipalOf(claims, kid)
  if (!client || claims.iss !== config.issuer || claims.aud !== clientTokenAudience(config) || !isUuid(client.clientId))
    throw new LatchkeyError('token_invalid')

  if (client.expiresAt <= clock() / 1000) throw new LatchkeyError('token_expired')
  if (revocations.refuses(tokenFactsOf(client))) throw new LatchkeyError('token_revoked')
  const allowed = await db.clients.scopesOfToken(client)
  if (!allowed) throw new LatchkeyError('token_revoked')
  return { ...client, scopes: client.scopes.filter(scope => allowed.includes(scope)) }
}

/** Whether a token calls itself a client's, to choose who verifies it. Nothing follows from it by itself. */
export function isClientToken({ config }: Pick<AuthContext, 'config'>, token: string): boolean {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.', 2)[1] ?? '', 'base64url').toString('utf8'))
    return (claims as { aud?: unknown } | null)?.aud === clientTokenAudience(config)
  } catch {
    return false
  }
}
