import { LatchkeyError } from '../../lib/errors.js'
import { newId } from '../../lib/ids.js'
import type { AuthContext } from '../context.js'
import { hashOfClientSecret, newClientSecret } from './client-secret.js'
import { checkScopes } from './scopes.js'

export interface NewClientAccount {
  name: string
  scopes: readonly string[]
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/

/**
 * Gives another service credentials of its own.
 *
 * @param actor who does it, for the event
 * @returns its client_id, and its secret, which is not kept anywhere and can't be shown again
 * @throws LatchkeyError invalid_client_name, invalid_scope, client_name_taken
 */
export async function createClient(
  { db }: Pick<AuthContext, 'db'>,
  { name, scopes }: NewClientAccount,
  actor: string,
): Promise<{ id: string; secret: string }> {
  if (!NAME.test(name))
    throw new LatchkeyError('invalid_client_name', { detail: 'Use up to 64 letters, digits and the characters _ . -' })
  checkScopes(scopes)
  const secret = newClientSecret()
  const client = { id: newId(), name, scopes: [...new Set(scopes)], secretHash: hashOfClientSecret(secret) }
  await db.transaction(async repositories => {
    if (!(await repositories.clients.insert(client))) throw new LatchkeyError('client_name_taken')
    const details = { client_id: client.id, name, scopes: client.scopes }
    await repositories.securityEvents.add({ type: 'client_created', actor, details })
  })
  return { id: client.id, secret }
}
