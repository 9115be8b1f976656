import { LatchkeyError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import type { SessionDetails } from '../../postgres/session-details.js'
import type { AuthContext } from '../context.js'

/** A session, and why it cannot be used any more. */
export interface SessionOverview extends SessionDetails {
  state: 'live' | 'revoked' | 'expired'
  /** Null if it is not known any more, or if the session was revoked. */
  lastActiveAt: Date | null
}

/**
 * Any session that is still stored, also one that is over.
 *
 * @throws LatchkeyError session_not_found
 */
export async function getSession(
  { db, activity }: Pick<AuthContext, 'db' | 'activity'>,
  id: string,
): Promise<SessionOverview> {
  const session = isUuid(id) ? await db.sessionDetails.find(id) : undefined
  if (!session) throw new LatchkeyError('session_not_found')
  const seenMs = (await activity.lastSeen([id])).get(id)
  const lastActiveMs = Math.max(session.rotatedAt?.getTime() ?? 0, seenMs ?? 0)
  return { ...session, state: stateOf(session), lastActiveAt: lastActiveMs === 0 ? null : new Date(lastActiveMs) }
}

function stateOf({ isLive, revokedAt, userDisabled, outdated }: SessionDetails): SessionOverview['state'] {
  if (isLive) return 'live'
  return revokedAt !== null || userDisabled || outdated ? 'revoked' : 'expired'
}
