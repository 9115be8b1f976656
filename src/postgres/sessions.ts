import { and, desc, eq, isNull, or, sql } from 'drizzle-orm'
import { createTickBatches } from '../lib/tick-batches.js'
import { isLive, joinsLiveTables, liveTables, ofUser, ofUsers } from './is-live.js'
import { type NewSession, openSession, type StoredDevice, type StoredLocation } from './open-session.js'
import { hotSql, hotStatement, type Runner, type Statement } from './pool/connections.js'
import {
  type RevokedSession,
  revokeAllOf,
  revokeAny,
  revokeBeyond,
  revokeOthers,
  revokeSome,
  revokeWhere,
} from './revoke-sessions.js'
import { users } from './schema/accounts.js'
import { refreshTokens, sessions } from './schema/sessions.js'
import type { AddedEvent } from './security-events.js'
import { idArray } from './session-facts.js'

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
  /** When the session ends if it is not refreshed. Never later than the absolute end. */
  idleExpiresAt: Date
  /** The last activity by Postgres; Redis can have a later one. */
  rotatedAt: Date
}

/** A change of the browser or the address of a session. */
export interface OriginChange {
  /** The device is derived from the user agent. */
  browser?: { userAgent: string; device: StoredDevice }
  /** The location is derived from the address. */
  address?: { ip: string; location: StoredLocation | null }
}

export type Sessions = ReturnType<typeof sessionsRepository>

/**
 * The sign-ins on devices. {@link isLive} decides whether a session is live.
 *
 * @param onAdded is called with the events that were written
 */
export function sessionsRepository(runner: Runner, onAdded: (events: readonly AddedEvent[]) => void) {
  async function revoke<Arguments extends object>(statement: Statement<Arguments, RevokedSession>, values: Arguments) {
    return inOrder(await runner.hot(statement, values))
  }

  return {
    open: (session: NewSession) => openSession(runner, session, onAdded),

    /** The live sessions of a user, the newest first. Users who ask in one turn of the event loop share a statement. */
    liveOf: createTickBatches<string, LiveSession[]>({
      async work(userIds) {
        const found = await runner.hot(liveOf, { userIds: idArray(userIds) })
        return userIds.map(id => found.flatMap(({ userId, ...session }) => (userId === id ? [session] : [])))
      },
      keyOf: userId => userId,
      maxItems: MAX_LISTS_TOGETHER,
    }),

    /**
     * Updates the browser and the address of a session that is not revoked. If many tabs notice the same change at
     * once, only the first writes it.
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

    /** Sets or clears the name that the user gave to a session. Returns false if the user has no such live session. */
    async label(id: string, userId: string, label: string | null): Promise<boolean> {
      const labelled = await runner.run(executor =>
        executor.execute(sql`
          update sessions set label = ${label} from ${liveTables}
          where ${joinsLiveTables} and sessions.id = ${id} and sessions.user_id = ${userId} and ${isLive}`),
      )
      return labelled.count === 1
    },

    /** Revokes these sessions of one user. */
    revoke: (ids: readonly string[], userId: string, reason: string) =>
      revoke(revokeSome, { ids: idArray(ids), userId, reason }),

    /** Revokes sessions of any users, whose token versions may have been raised before. */
    revokeAny: (ids: readonly string[], reason: string) => revoke(revokeAny, { ids: idArray(ids), reason }),

    /** Revokes all sessions of a user except one. */
    revokeOthers: (userId: string, keptId: string, reason: string) => revoke(revokeOthers, { userId, keptId, reason }),

    /** Revokes all sessions of these users, whose token versions were raised before. */
    revokeAllOf: (userIds: readonly string[], reason: string) =>
      revoke(revokeAllOf, { userIds: idArray(userIds), reason }),

    /** Revokes at most `limit` sessions that a client opened, with ids above `afterId`, in the order of their ids. */
    async revokeSomeOfClient(clientId: string, afterId: string, limit: number, reason: string) {
      // A literal, so that Postgres can use the partial index of clients' sessions.
      const ofAnyClient = clientId === 'latchkey' ? sql`true` : sql`client_id <> 'latchkey'`
      const revoked = await runner.run(executor =>
        executor.execute<RevokedSession & Record<string, unknown>>(
          revokeWhere(
            sql`${sessions.id} in (
              select sessions.id from sessions, ${liveTables} where ${joinsLiveTables} and ${isLive}
                and client_id = ${clientId} and ${ofAnyClient} and sessions.id > ${afterId}::uuid
              order by sessions.id limit ${limit} for update of sessions)`,
            sql`${reason}`,
          ),
        ),
      )
      return inOrder(revoked)
    },

    /** Whether the session's cookie outlasts the browser; undefined if the session does not exist. */
    async isRemembered(id: string): Promise<boolean | undefined> {
      const [session] = await runner.run(executor =>
        executor.select({ remember: sessions.remember }).from(sessions).where(eq(sessions.id, id)),
      )
      return session?.remember
    },

    /** The number of live sessions of a user. */
    async countLive(userId: string): Promise<number> {
      const [row] = await runner.hot(countLive, { userId })
      return row!.count
    },

    /** Revokes the oldest live sessions of a user beyond the limit. */
    revokeBeyond: (userId: string, limit: number, reason: string) => revoke(revokeBeyond, { userId, limit, reason }),
  }
}

/** One answer waits for the rows of all, so that a user with very many sessions keeps only a few others waiting. */
const MAX_LISTS_TOGETHER = 8

const countLive = hotSql<{ userId: string }, { count: number }>(
  'count_live_sessions',
  sql`select count(*)::int as count from sessions, ${liveTables} where ${joinsLiveTables} and ${ofUser} and ${isLive}`,
)

const liveOf = hotStatement<{ userIds: string }, LiveSession & { userId: string }>('live_sessions', executor =>
  executor
    .select({
      userId: sessions.userId,
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
    .where(and(ofUsers, isLive))
    .orderBy(desc(sessions.createdAt), desc(sessions.id))
    .prepare('live_sessions'),
)

function inOrder(revoked: readonly RevokedSession[]): RevokedSession[] {
  return [...revoked].sort((a, b) => (a.id < b.id ? -1 : 1))
}
