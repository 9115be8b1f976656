import type { NewSecurityEvent } from '../../postgres/security-events.js'
import type { AuthContext } from '../context.js'
import { endAllSessionsOfUsers } from '../end-sessions.js'
import { roleNamed } from '../roles.js'
import { inBatches } from './in-batches.js'

/**
 * Ends every session of every user of a role, each user with an event. Sign-ins of theirs that are under way find their
 * fence broken, as with one user.
 *
 * @returns how many users have the role
 * @throws LatchkeyError invalid_role
 */
export async function endSessionsOfRole(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  name: string,
  actor: string,
): Promise<number> {
  const role = roleNamed(name)
  return inBatches(context, async (repositories, { afterId, limit }) => {
    const users = await repositories.users.raiseTokenVersionsOfRole(role, afterId, limit)
    await endAllSessionsOfUsers(repositories, users, 'revoked_by_admin')
    await repositories.securityEvents.addAll(
      users.map(({ id }): NewSecurityEvent => ({ type: 'sessions_revoked', userId: id, actor, details: { role } })),
    )
    return users.map(({ id }) => id)
  })
}
