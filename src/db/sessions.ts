import { and, desc, eq, inArray, isNull, ne, or, type SQL, sql } from 'drizzle-orm'
import type { Runner } from './connections.js'
import { realm, refreshTokens, sessions, users } from './schema.js'
import { type SessionFacts, seconds } from './session-facts.js'

export type StoredDevice = { browser: string | null; os: string | null; kind: string }
export type StoredLocation = { country: string; city?: string }

/** An account as it was when its password was verified. A sign-in counts only if it still is when its row is locked. */
export interface SignInFence {
  tokenVersion: number
  passwordHash: string
}

export interface NewSession {
  sessionId: string
  userId: string
  /** Null where no password was verified: that the account is there and enabled is all that is looked at then. */
  fence: SignInFence | null
  clientId: string
  transport: 'cookie' | 'body'
  remember: boolean
  authMethods: readonly string[]
  device: StoredDevice
  userAgent: string | undefined
  ip: string | undefined
  location: StoredLocation | undefined
  maxAgeSeconds: number
  refreshTtlSeconds: number
  tokenHash: Buffer
  nextHash: Buffer
}

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

/** What a sign-in returns beside what every statement that lets somebody in does. */
export interface OpenedFacts extends SessionFacts {
  /** No other session of the user that is still remembered was on such a device. */
  isNewDevice: boolean
}

/** What is new about where a session is used from. */
export interface OriginChange {
  /** The device follows from it. */
  browser?: { userAgent: string; device: StoredDevice }
  /** The location follows from it. */
  address?: { ip: string; location: StoredLocation | null }
}

/** A session that nobody ended: it was left unused, or reached its end. */
export interface ExpiredSession {
  id: string
  userId: string
  endedAt: Date
  wasIdle: boolean
  userAgent: string | null
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
    /**
     * Opens a session with its first refresh token, in one statement that holds the user's row: a sign-in whose
     * password was verified before a revoke-all, a disable or a password change committed finds its fence broken.
     * (A join or a sub-select would not wait for that commit; `for no key update` does, and then looks again.)
     */
    async open({ fence, ...session }: NewSession): Promise<OpenedFacts | undefined> {
      const [facts] = await runner.run(executor =>
        executor.execute<OpenedFacts & Record<string, unknown>>(sql`
          with account as (
            select id, email, username, external_id, roles, token_version, tokens_not_before, created_at from users
            where id = ${session.userId} and disabled_at is null
              and ${fence ? sql`token_version = ${fence.tokenVersion} and password_hash = ${fence.passwordHash}` : sql`true`}
            for no key update
          ), session as (
            insert into sessions (id, user_id, token_version, client_id, created_at, expires_at, device, user_agent, ip,
              location, transport, remember, auth_time, auth_methods)
            select ${session.sessionId}, account.id, account.token_version, ${session.clientId},
              greatest(now(), realm.not_before), now() + ${seconds(session.maxAgeSeconds)},
              ${JSON.stringify(session.device)}::jsonb, ${session.userAgent ?? null}, ${session.ip ?? null}::inet,
              ${session.location ? JSON.stringify(session.location) : null}::jsonb, ${session.transport},
              ${session.remember}, now(), ${sql.param(`{${session.authMethods.join(',')}}`)}::text[]
            from account, realm
            returning id, expires_at, auth_time, remember, user_agent, ip
          ), whitelisted as (
            insert into refresh_tokens (session_id, generation, token_hash, next_hash, rotated_at, expires_at)
            select session.id, 0, ${session.tokenHash}, ${session.nextHash}, now(),
              least(now() + ${seconds(session.refreshTtlSeconds)}, session.expires_at)
            from session
            returning expires_at
          )
          select session.id as "sessionId", account.id as "userId", account.email, account.username,
            account.external_id as "externalId", account.roles, account.token_version as "tokenVersion", ${session.clientId} as "clientId",
            account.created_at as "userCreatedAt", floor(extract(epoch from session.auth_time))::float8 as "authTime",
            extract(epoch from greatest(date_trunc('second', now()), realm.not_before, account.tokens_not_before))::float8
              as "issuedAt",
            session.remember, session.user_agent as "userAgent", session.ip,
            extract(epoch from whitelisted.expires_at - now())::float8 as "refreshExpiresInSeconds",
            not exists (select from sessions as known where known.user_id = account.id
              and known.device = ${JSON.stringify(session.device)}::jsonb) as "isNewDevice"
          from account, session, whitelisted, realm`),
      )
      return facts && { ...facts, userCreatedAt: new Date(facts.userCreatedAt) }
    },

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

    /**
     * Removes sessions that began so long ago that none can be alive, with their refresh tokens; returns how many, and
     * which of them had ended by themselves. Ids sort by time, so the primary key finds them: no index is kept for it,
     * and no live row is looked at.
     */
    async removeOlderThan(ageSeconds: number, limit: number): Promise<{ count: number; expired: ExpiredSession[] }> {
      const removed = await runner.run(executor =>
        executor.execute<ExpiredRow & { wasExpired: boolean }>(sql`
          with old as (
            select (lpad(to_hex(floor(extract(epoch from now() - ${seconds(ageSeconds)}) * 1000)::bigint), 12, '0')
              || repeat('0', 20))::uuid as bound
          ), batch as (
            select id from sessions where id < (select bound from old) and expires_at < now()
            order by id limit ${limit} for update skip locked
          ), expired as (
            select ${expiredColumns} from batch join sessions using (id) ${expiredJoins} where ${expiredByItself}
          ), removed as (
            delete from sessions where id in (select id from batch) returning id
          )
          select expired.*, expired.id is not null as "wasExpired" from removed left join expired using (id)`),
      )
      return { count: removed.length, expired: removed.filter(({ wasExpired }) => wasExpired).map(toExpired) }
    },

    /** The sessions of a user that ended by themselves within this time, unless that is written down already. */
    async expiredOf(userId: string, withinSeconds: number): Promise<ExpiredSession[]> {
      const rows = await runner.run(executor =>
        executor.execute<ExpiredRow>(sql`
          select ${expiredColumns} from sessions ${expiredJoins}
          where sessions.user_id = ${userId} and ${expiredByItself}
            and ${endOfSession} > now() - ${seconds(withinSeconds)}
            and not exists (select from security_events where security_events.id = sessions.id)`),
      )
      return rows.map(toExpired)
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

const endOfSession = sql`least(refresh_tokens.expires_at, sessions.expires_at)`

const expiredColumns = sql`sessions.id, sessions.user_id as "userId", ${endOfSession} as "endedAt",
  refresh_tokens.expires_at < sessions.expires_at as "wasIdle", sessions.user_agent as "userAgent"`

const expiredJoins = sql`join refresh_tokens on refresh_tokens.session_id = sessions.id cross join realm`

/** Whoever ends a session deletes its refresh token, and so it is not among these; all but who ends everyone's. */
const expiredByItself = sql`${endOfSession} <= now()
  and (sessions.created_at >= realm.not_before or ${endOfSession} < realm.not_before)`

/** Statements that are plain text get instants as text. */
type ExpiredRow = Record<string, unknown> & Omit<ExpiredSession, 'endedAt'> & { endedAt: string }

function toExpired({ id, userId, endedAt, wasIdle, userAgent }: ExpiredRow): ExpiredSession {
  return { id, userId, endedAt: new Date(endedAt), wasIdle, userAgent }
}
