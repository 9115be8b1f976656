import { LatchkeyError } from '../../lib/errors.js'
import type { AuthContext } from '../context.js'
import { hashOfClientSecret, newClientSecret } from './client-secret.js'

/**
 * Gives a client a new secret. The old one, and the access tokens that it was given for it, end at once; the sessions
 * that it opened for people live on.
 *
 * @param name what its operators call it
 * @returns the secret, which can't be shown again
 * @throws LatchkeyError client_not_found
 */
export async function rotateClientSecret(
  { db }: Pick<AuthContext, 'db'>,
  name: string,
  actor: string,
): Promise<{ id: string; secret: string }> {
  const secret = newClientSecret()
  const id = await db.transaction(async repositories => {
    const id = await repositories.clients.replaceSecret(name, hashOfClientSecret(secret))
    if (id === undefined) throw new LatchkeyError('client_not_found')
    const details = { client_id: id, name }
    await repositories.securityEvents.add({ type: 'client_secret_rotated', actor, details })
    return id
  })
  return { id, secret }
}
