import { LatchkeyError } from '../../lib/errors.js'
import type { KnownClient } from '../../postgres/clients.js'
import type { AuthContext } from '../context.js'
import { CLIENT_TOKEN_TTL_SECONDS, mintClientToken } from './client-token.js'

export interface ClientGrant {
  accessToken: string
  accessExpiresInSeconds: number
  scopes: readonly string[]
}

/**
 * Gives a client an access token of its own (RFC 6749, 4.4), with the scopes that it asks for or with all it has.
 *
 * @param wanted the scopes, between spaces (RFC 6749, 3.3)
 * @throws LatchkeyError invalid_scope
 */
export function grantClientCredentials(
  context: Pick<AuthContext, 'config' | 'keyring'>,
  client: KnownClient,
  wanted: string | undefined,
): ClientGrant {
  const scopes = wanted === undefined ? client.scopes : [...new Set(wanted.split(' '))]
  if (!scopes.every(scope => client.scopes.includes(scope))) throw new LatchkeyError('invalid_scope')
  const accessToken = mintClientToken(context, client, scopes)
  return { accessToken, accessExpiresInSeconds: CLIENT_TOKEN_TTL_SECONDS, scopes }
}
