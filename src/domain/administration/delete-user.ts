import { LatchkeyError } from '../../lib/errors.js'
import { type AuthContext, commitAndAnnounce } from '../context.js'
import { endAllSessions } from '../sessions/end-sessions.js'

/**
 * Deletes an account with its sessions. The journal comes first: access tokens outlive the rows, and every verifier must
 * refuse them. What is left are the events, which name nobody but an id.
 *
 * @throws LatchkeyError user_not_found, own_account
 */
export async function deleteUser(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  id: string,
  actor: string,
): Promise<void> {
  await commitAndAnnounce(context, async repositories => {
    const user = await repositories.users.raiseTokenVersion(id)
    if (!user) throw new LatchkeyError('user_not_found')
    if (user.id === actor) throw new LatchkeyError('own_account')
    await endAllSessions(repositories, user, 'user_deleted')
    await repositories.users.remove(user.id)
    await repositories.securityEvents.add({ type: 'user_deleted', userId: user.id, actor })
  })
}
