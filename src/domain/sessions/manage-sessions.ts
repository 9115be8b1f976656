import type { Principal } from '@latchkey/verifier/core'
import { LatchkeyError } from '../../lib/errors.js'
import type { LiveSession } from '../../postgres/sessions.js'
import { getUser } from '../accounts/find-users.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext, Caller } from '../context.js'
import { endAllSessions, endOtherSessions, endSessions, revokedEvents } from './end-sessions.js'
import { trackSessionOrigin } from './track-session-origin.js'

export interface ListedSession extends Omit<LiveSession, 'rotatedAt' | 'userAgent'> {
  /** Whether this request belongs to it. */
  current: boolean
  lastActiveAt: Date
  isActive: true
}

/**
 * The live sessions of a user, newest first: one statement, and one request to the ephemeral store.
 *
 * @param user the user, and the current session; no session if somebody else reads the list
 * @param caller the origin of this request, which is the current session's newest one
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
 * Sets or removes the user's own name for a session.
 *
 * @throws LatchkeyError session_not_found, also for another user's session
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
 * Revokes one of the user's own sessions.
 *
 * @throws LatchkeyError session_not_found, also for another user's session and for one that is over already
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

/** Revokes every session of the user except the current one. */
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
 * The live sessions of any user, as the user sees them.
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
 * Revokes one session of any user.
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
 * Revokes every session of any user; a sign-in in progress fails.
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
