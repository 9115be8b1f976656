import { LatchkeyError } from '../../lib/errors.js'
import type { LiveSession } from '../../postgres/sessions.js'
import { getUser } from '../accounts/find-users.js'
import { type AuthContext, type Caller, commitAndAnnounce } from '../context.js'
import type { Principal } from '../tokens/access-token.js'
import { endAllSessions, endOtherSessions, endSessions, revokedEvents } from './end-sessions.js'
import { trackSessionOrigin } from './track-session-origin.js'

export interface ListedSession extends Omit<LiveSession, 'rotatedAt' | 'userAgent'> {
  /** Whether it is the one that asks. */
  current: boolean
  lastActiveAt: Date
  isActive: true
}

/**
 * The live sessions of a user, the youngest first. One statement, and one question to the ephemeral store.
 *
 * @param asking the user, and the session that asks, which is the current one: none when somebody else asks
 * @param caller where the current session is now, as this request shows it
 */
export async function listSessions(
  context: Pick<AuthContext, 'db' | 'activity' | 'locate' | 'background'>,
  { userId, sessionId }: { userId: string; sessionId?: string | undefined },
  caller: Caller = {},
): Promise<ListedSession[]> {
  const live = await context.db.sessions.liveOf(userId)
  const lastSeen = await context.activity.lastSeen(live.map(({ id }) => id))
  return live.map(({ rotatedAt, userAgent, ...session }) => {
    const current = session.id === sessionId
    const change = current ? trackSessionOrigin(context, { sessionId, userAgent, ip: session.ip }, caller) : {}
    return {
      ...session,
      ...(change.browser && { device: change.browser.device }),
      ...change.address,
      current,
      lastActiveAt: new Date(Math.max(rotatedAt.getTime(), lastSeen.get(session.id) ?? 0)),
      isActive: true,
    }
  })
}

/**
 * Gives a session the user's own name for it, or takes the name away.
 *
 * @throws LatchkeyError session_not_found, also for somebody else's
 */
export async function labelSession(
  { db }: Pick<AuthContext, 'db'>,
  { userId }: Principal,
  id: string,
  label: string | null,
): Promise<void> {
  if (!(await db.sessions.label(id, userId, label))) throw new LatchkeyError('session_not_found')
}

/**
 * Ends one session of the user's own.
 *
 * @throws LatchkeyError session_not_found, also for somebody else's and for one that has ended already
 */
export async function revokeSession(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  { userId }: Principal,
  id: string,
  caller: Caller,
): Promise<void> {
  await commitAndAnnounce(context, async repositories => {
    const entries = await endSessions(repositories, userId, [id], 'revoked_by_user')
    if (entries.length === 0) throw new LatchkeyError('session_not_found')
    await repositories.securityEvents.add({ type: 'session_revoked', userId, sessionId: id, actor: 'user', ...caller })
  })
}

/** Ends every session of the user but the one that asks. */
export async function revokeOtherSessions(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  { userId, sessionId }: Principal,
  caller: Caller,
): Promise<void> {
  await commitAndAnnounce(context, async repositories => {
    const entries = await endOtherSessions(repositories, userId, sessionId, 'revoked_by_user')
    await repositories.securityEvents.addAll(revokedEvents(entries, { userId, actor: 'user', ...caller }))
  })
}

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
