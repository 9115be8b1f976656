import { LatchkeyError } from '../../lib/errors.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext } from '../context.js'
import { endAllSessions, endSessions } from '../end-sessions.js'
import { type ListedSession, listSessions } from '../sessions.js'
import { getUser } from './get-user.js'

/**
 * The live sessions of any user, as they see them themselves.
 *
 * @throws LatchkeyError user_not_found
 */
export async function sessionsOfUser(
  context: Pick<AuthContext, 'db' | 'activity' | 'locate' | 'background'>,
  userId: string,
): Promise<ListedSession[]> {
  await getUser(context, userId)
  return listSessions(context, { userId })
}

/**
 * Ends one session of any user.
 *
 * @throws LatchkeyError user_not_found, session_not_found
 */
export async function endSessionOfUser(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  userId: string,
  sessionId: string,
  actor: string,
): Promise<void> {
  await getUser(context, userId)
  await commitAndAnnounce(context, async repositories => {
    const entries = await endSessions(repositories, userId, [sessionId], 'revoked_by_admin')
    if (entries.length === 0) throw new LatchkeyError('session_not_found')
    await repositories.securityEvents.add({ type: 'session_revoked', userId, sessionId, actor })
  })
}

/**
 * Signs any user out everywhere; a sign-in that is under way ends with the others.
 *
 * @throws LatchkeyError user_not_found
 */
export async function endSessionsOfUser(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  userId: string,
  actor: string,
): Promise<void> {
  await commitAndAnnounce(context, async repositories => {
    const user = await repositories.users.raiseTokenVersion(userId)
    if (!user) throw new LatchkeyError('user_not_found')
    await endAllSessions(repositories, user, 'revoked_by_admin')
    await repositories.securityEvents.add({ type: 'sessions_revoked', userId, actor })
  })
}
