import type { NewSecurityEvent } from '../../postgres/security-events.js'
import type { AuthContext } from '../context.js'
import { forgetSessions } from '../end-sessions.js'
import { inBatches } from './in-batches.js'

/**
 * Ends every session that a client opened, each with its event.
 *
 * @param clientId of a client that may be gone; `latchkey` are the sessions that people opened themselves
 * @returns how many have ended
 */
export function endSessionsOfClient(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  clientId: string,
  reason: 'revoked_by_admin' | 'client_removed',
  actor: string,
): Promise<number> {
  return inBatches(context, async (repositories, { afterId, limit }) => {
    const ended = await repositories.sessions.revokeSomeOfClient(clientId, afterId, limit, reason)
    const ids = ended.map(({ id }) => id)
    await forgetSessions(repositories, ids, reason)
    await repositories.securityEvents.addAll(
      ended.map(({ id, userId }): NewSecurityEvent => {
        const details = { reason, client_id: clientId }
        return { type: 'session_revoked', userId, sessionId: id, actor, details }
      }),
    )
    return ids
  })
}
