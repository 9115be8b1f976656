import { and, desc, eq, inArray, isNull, ne, or, type SQL, sql } from 'drizzle-orm'
import type { Runner } from './connections.js'
import { hasNotEnded, isLive, ofUser, ofUsers } from './is-live.js'
import { type NewSession, openSession, type StoredDevice, type StoredLocation } from './open-session.js'
import { refreshTokens, sessions, users } from './schema.js'

/** A live session as its owner sees it. */
export interface LiveSession {
  id: string
  device: StoredDevice
  label: string | null
  userAgent: string | null
  ip: string | null
  location: StoredLocation | null
  transport: 'cookie' | 'body'
  remember: boolean
  authMethods: string[]
  createdAt: Date
  /** The absolute end. */
  expiresAt: Date
  /** When it ends unless it is refreshed before. Never later than the absolute end. */
  idleExpiresAt: Date
  /** The last activity that Postgres knows of; src/ephemeral may know a later one. */
  rotatedAt: Date
}

/** What is new about where a session is used from. */
export interface OriginChange {
  /** The device follows from it. */
  browser?: { userAgent: string; device: StoredDevice }
  /** The location follows from it. */
  address?: { ip: string; location: StoredLocation | null }
}

export type Sessions = ReturnType<typeof sessionsRepository>

/** A session that was ended just now. */
export interface RevokedSession {
  id: string
  userId: string
}

/** Sign-ins. Whether one is alive is for {@link isLive} to say. */
export function sessionsRepository(runner: Runner) {
  /** Ends those that are alive: what ran out by itself was ended by nobody. */
  async function revoke(condition: SQL, reason: string, alive = isLive): Promise<RevokedSession[]> {
    const revoked = await runner.run(executor =>
      executor.execute<RevokedSession & Record<string, unknown>>(sql`
        update sessions set revoked_at = now(), revoke_reason = ${reason} from ${parts}
        where ${ofOneSession} and ${condition} and ${alive} returning sessions.id, sessions.user_id as "userId"`),
    )
    return [...revoked].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  return {
    open: (session: NewSession) => openSession(runner, session),

    /** The live sessions of a user, the youngest first. */
    async liveOf(userId: string): Promise<LiveSession[]> {
      return runner.run(executor =>
        executor
          .select({
            id: sessions.id,
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
            idleExpiresAt: refreshTokens.expiresAt,
            rotatedAt: refreshTokens.rotatedAt,
          })
          .from(sessions)
          .innerJoin(refreshTokens, eq(refreshTokens.sessionId, sessions.id))
          .innerJoin(users, eq(users.id, sessions.userId))
          .where(and(ofUser(userId), isLive))
          .orderBy(desc(sessions.createdAt), desc(sessions.id)),
      )
    },

    /**
     * Keeps up with where a live session is used from. Of many tabs that notice the same change at once, one writes it.
     */
    async updateOrigin(id: string, { browser, address }: OriginChange): Promise<void> {
      await runner.run(executor =>
        executor
          .update(sessions)
          .set({ ...browser, ...address })
          .where(
            and(
              eq(sessions.id, id),
              isNull(sessions.revokedAt),
              or(
                browser && sql`${sessions.userAgent} is distinct from ${browser.userAgent}`,
                address && sql`${sessions.ip} is distinct from ${address.ip}::inet`,
              ),
            ),
          ),
      )
    },

    /** Sets or clears the user's own name for a session of theirs. False when they have no such live session. */
    async label(id: string, userId: string, label: string | null): Promise<boolean> {
      const labelled = await runner.run(executor =>
        executor.execute(sql`
          update sessions set label = ${label} from ${parts}
          where ${ofOneSession} and sessions.id = ${id} and sessions.user_id = ${userId} and ${isLive}`),
      )
      return labelled.count === 1
    },

    /** Ends these sessions of one user. */
    revoke: (ids: readonly string[], userId: string, reason: string) =>
      revoke(and(inArray(sessions.id, [...ids]), ofUser(userId))!, reason),

    /** Ends sessions of any users, whose versions may have been raised before. */
    revokeAny: (ids: readonly string[], reason: string) => revoke(inArray(sessions.id, [...ids]), reason, hasNotEnded),

    /** Ends every session of a user but one. */
    revokeOthers: (userId: string, keptId: string, reason: string) =>
      revoke(and(ofUser(userId), ne(sessions.id, keptId))!, reason),

    /** Ends every session of these users, whose versions were raised before. */
    revokeAllOf: (userIds: readonly string[], reason: string) => revoke(ofUsers(userIds), reason, hasNotEnded),

    /** Ends sessions that a client opened, at most this number of them, with an id above the one given; by id. */
    async revokeSomeOfClient(clientId: string, afterId: string, limit: number, reason: string) {
      // Written out, so that Postgres sees that the index of clients' sessions has them.
      const ofAnyClient = clientId === 'latchkey' ? sql`true` : sql`client_id <> 'latchkey'`
      return revoke(
        sql`${sessions.id} in (
          select sessions.id from sessions, ${parts} where ${ofOneSession} and ${isLive}
            and client_id = ${clientId} and ${ofAnyClient} and sessions.id > ${afterId}::uuid
          order by sessions.id limit ${limit} for update of sessions)`,
        reason,
      )
    },

    /** Whether the browser of a session is to remember it; undefined when the session is gone. */
    async isRemembered(id: string): Promise<boolean | undefined> {
      const [session] = await runner.run(executor =>
        executor.select({ remember: sessions.remember }).from(sessions).where(eq(sessions.id, id)),
      )
      return session?.remember
    },

    /** How many live sessions a user has. */
    async countLive(userId: string): Promise<number> {
      const [row] = await runner.run(executor =>
        executor.execute<{ count: number }>(sql`
          select count(*)::int as count from sessions, ${parts}
          where ${ofOneSession} and ${ofUser(userId)} and ${isLive}`),
      )
      return row!.count
    },

    /** Ends the oldest live sessions of a user beyond a number of them. */
    revokeBeyond: (userId: string, limit: number, reason: string) =>
      revoke(
        sql`${sessions.id} in (
          select sessions.id from sessions, ${parts}
          where ${ofOneSession} and ${ofUser(userId)} and ${isLive}
          order by sessions.created_at desc, sessions.id desc offset ${limit})`,
        reason,
      ),
  }
}

/** What decides whether a session is alive, joined to it. */
const parts = sql`refresh_tokens, users`
const ofOneSession = sql`${refreshTokens.sessionId} = ${sessions.id} and ${users.id} = ${sessions.userId}`
