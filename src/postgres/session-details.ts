import { eq, sql } from 'drizzle-orm'
import { isLive, reasonsNotLive } from './is-live.js'
import { hotStatement, type Runner } from './pool/connections.js'
import { users } from './schema/accounts.js'
import { refreshTokens, sessions } from './schema/sessions.js'
import type { LiveSession } from './sessions.js'

/** Any session that is still stored, also one that is over. */
export interface SessionDetails extends Omit<LiveSession, 'idleExpiresAt' | 'rotatedAt'> {
  userId: string
  email: string
  /** `latchkey`, another name for sessions that users opened themselves, or the id of a client. */
  clientId: string
  isLive: boolean
  revokedAt: Date | null
  revokeReason: string | null
  userDisabled: boolean
  /** Everything that began before an instant, or before the last sign-out of this user, was revoked. */
  outdated: boolean
  /** Null without a refresh token: the session was revoked. */
  idleExpiresAt: Date | null
  rotatedAt: Date | null
}

/** Sessions by their id, for support. */
export function sessionDetailsRepository(runner: Runner) {
  return {
    async find(id: string): Promise<SessionDetails | undefined> {
      const [found] = await runner.hot(findSession, { id })
      return found
    },
  }
}

const findSession = hotStatement<{ id: string }, SessionDetails>('find_session', executor =>
  executor
    .select({
      id: sessions.id,
      userId: sessions.userId,
      email: users.email,
      clientId: sessions.clientId,
      device: sessions.device,
      label: sessions.label,
      userAgent: sessions.userAgent,
      ip: sessions.ip,
      location: sessions.location,
      transport: sessions.transport,
      remember: sessions.remember,
      authMethods: sessions.authMethods,
      createdAt: sessions.createdAt,
      expiresAt: sessions.expiresAt,
      isLive: sql<boolean>`coalesce(${isLive}, false)`,
      revokedAt: sessions.revokedAt,
      revokeReason: sessions.revokeReason,
      userDisabled: reasonsNotLive.userDisabled,
      outdated: reasonsNotLive.outdated,
      idleExpiresAt: refreshTokens.expiresAt,
      rotatedAt: refreshTokens.rotatedAt,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .leftJoin(refreshTokens, eq(refreshTokens.sessionId, sessions.id))
    .where(eq(sessions.id, sql.placeholder('id')))
    .prepare('find_session'),
)
