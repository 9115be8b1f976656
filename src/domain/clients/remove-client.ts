import { LatchkeyError } from '../../lib/errors.js'
import type { AuthContext } from '../context.js'
import { endSessionsOfClient } from '../sessions/end-many-sessions.js'

/**
 * Removes a client: its secret and its access tokens end at once, and the sessions that it opened after them. First the
 * client and then its sessions, so that none is opened in between.
 *
 * @param name what its operators call it
 * @returns how many sessions have ended
 * @throws LatchkeyError client_not_found
 */
export async function removeClient(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  name: string,
  actor: string,
): Promise<number> {
  const id = await context.db.transaction(async repositories => {
    const id = await repositories.clients.remove(name)
    if (id === undefined) throw new LatchkeyError('client_not_found')
    const details = { client_id: id, name }
    await repositories.securityEvents.add({ type: 'client_removed', actor, details })
    return id
  })
  return endSessionsOfClient(context, id, 'client_removed', actor)
}
