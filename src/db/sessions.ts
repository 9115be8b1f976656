import { and, desc, eq, inArray, isNull, ne, or, type SQL, sql } from 'drizzle-orm'
import type { Runner } from './connections.js'
import { type NewSession, openSession, type StoredDevice, type StoredLocation } from './open-session.js'
import { realm, refreshTokens, sessions, users } from './schema.js'

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

/** Sign-ins. A session is live while it is neither revoked nor past its end, and its user and realm did not move on. */
export function sessionsRepository(runner: Runner) {
  async function revoke(condition: SQL | undefined, reason: string): Promise<string[]> {
    const revoked = await runner.run(executor =>
      executor
        .update(sessions)
        .set({ revokedAt: sql`now()`, revokeReason: reason })
        .where(and(condition, isNull(sessions.revokedAt)))
        .returning({ id: sessions.id }),
    )
    return revoked.map(({ id }) => id)
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
          .innerJoin(realm, eq(realm.id, true))
          .where(
            and(
              eq(sessions.userId, userId),
              isNull(sessions.revokedAt),
              sql`${sessions.expiresAt} > now()`,
              sql`${refreshTokens.expiresAt} > now()`,
              eq(sessions.tokenVersion, users.tokenVersion),
              sql`${sessions.createdAt} >= ${realm.notBefore}`,
            ),
          )
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
        executor
          .update(sessions)
          .set({ label })
          .where(and(eq(sessions.id, id), eq(sessions.userId, userId), isNull(sessions.revokedAt)))
          .returning({ id: sessions.id }),
      )
      return labelled.length === 1
    },

    /** Ends these sessions of one user; returns the ids of those that were not ended before. */
    revoke: (ids: readonly string[], userId: string, reason: string) =>
      revoke(and(inArray(sessions.id, [...ids]), eq(sessions.userId, userId)), reason),

    /** Ends sessions whoever they belong to. */
    revokeAny: (ids: readonly string[], reason: string) => revoke(inArray(sessions.id, [...ids]), reason),

    /** Ends every session of a user but one. */
    revokeOthers: (userId: string, keptId: string, reason: string) =>
      revoke(and(eq(sessions.userId, userId), ne(sessions.id, keptId)), reason),

    revokeAllOf: (userId: string, reason: string) => revoke(eq(sessions.userId, userId), reason),

    /** Ends every session of these users; returns the ids of the users who had one. */
    async revokeAllOfUsers(userIds: readonly string[], reason: string): Promise<Set<string>> {
      const revoked = await runner.run(executor =>
        executor
          .update(sessions)
          .set({ revokedAt: sql`now()`, revokeReason: reason })
          .where(and(inArray(sessions.userId, [...userIds]), isNull(sessions.revokedAt)))
          .returning({ userId: sessions.userId }),
      )
      return new Set(revoked.map(({ userId }) => userId))
    },

    /** Ends sessions that a client opened, so many of them behind an id; returns them in the order of their ids. */
    async revokeSomeOfClient(clientId: string, afterId: string, limit: number, reason: string) {
      // Written out, so that Postgres sees that the index of clients' sessions has them.
      const ofAnyClient = clientId === 'latchkey' ? sql`true` : sql`client_id <> 'latchkey'`
      const revoked = await runner.run(executor =>
        executor
          .update(sessions)
          .set({ revokedAt: sql`now()`, revokeReason: reason })
          .where(
            sql`${sessions.id} in (
              select id from sessions where client_id = ${clientId} and ${ofAnyClient} and id > ${afterId}::uuid
                and revoked_at is null and expires_at > now()
              order by id limit ${limit} for update)`,
          )
          .returning({ id: sessions.id, userId: sessions.userId }),
      )
      return revoked.sort((a, b) => (a.id < b.id ? -1 : 1))
    },

    /** Whether the browser of a session is to remember it; undefined when the session is gone. */
    async isRemembered(id: string): Promise<boolean | undefined> {
      const [session] = await runner.run(executor =>
        executor.select({ remember: sessions.remember }).from(sessions).where(eq(sessions.id, id)),
      )
      return session?.remember
    },

    /** The client that opened a session; undefined when the session is gone. */
    async clientOf(id: string): Promise<string | undefined> {
      const [session] = await runner.run(executor =>
        executor.select({ clientId: sessions.clientId }).from(sessions).where(eq(sessions.id, id)),
      )
      return session?.clientId
    },

    /** How many live sessions a user has. */
    async countLive(userId: string): Promise<number> {
      const [row] = await runner.run(executor =>
        executor.execute<{ count: number }>(sql`
          select count(*)::int as count from sessions, refresh_tokens, realm
          where session_id = sessions.id and user_id = ${userId} and ${isLive}`),
      )
      return row!.count
    },

    /** Ends the oldest live sessions of a user beyond a number of them. */
    revokeBeyond: (userId: string, limit: number, reason: string) =>
      revoke(
        sql`${sessions.id} in (
          select sessions.id from sessions, refresh_tokens, realm
          where session_id = sessions.id and user_id = ${userId} and ${isLive}
          order by created_at desc, sessions.id desc offset ${limit})`,
        reason,
      ),
  }
}

/** Of sessions with their refresh tokens and the realm. Whatever else ends them deletes the refresh token too. */
const isLive = sql`revoked_at is null and created_at >= not_before
  and sessions.expires_at > now() and refresh_tokens.expires_at > now()`
