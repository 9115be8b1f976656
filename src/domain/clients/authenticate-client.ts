import { LatchkeyError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import type { KnownClient } from '../../postgres/clients.js'
import type { AuthContext } from '../context.js'
import { isClientSecret } from './client-secret.js'

export interface ClientCredentials {
  clientId: string
  secret: string
}

/**
 * The client that shows its secret (RFC 6749, 2.3.1).
 *
 * @throws LatchkeyError invalid_client
 */
export async function authenticateClient(
  { db }: Pick<AuthContext, 'db'>,
  { clientId, secret }: ClientCredentials,
): Promise<KnownClient> {
  const client = isUuid(clientId) ? await db.clients.find(clientId) : undefined
  if (!client || !isClientSecret(secret, client.secretHash)) throw new LatchkeyError('invalid_client')
  return client
}
