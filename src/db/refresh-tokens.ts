import { and, eq, or, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { hotStatement, type Runner } from './connections.js'
import { hotSql } from './hot-sql.js'
import { isLive, notBefore } from './is-live.js'
import { refreshTokens, sessions, users } from './schema.js'
import { idArray, type SessionFacts, seconds, sessionFacts } from './session-facts.js'

/** What a rotation needs to know of the token presented, and of the two that follow from it. */
export interface Rotation {
  sessionId: string
  /** The generation of the token presented. */
  generation: number
  presentedHash: Buffer
  successorHash: Buffer
  /** The hash of the successor's successor. */
  nextHash: Buffer
  /** Whose sessions it may be of. */
  clientIds: readonly string[]
  minAgeSeconds: number
  ttlSeconds: number
}

export interface Rotated extends SessionFacts {
  /** The generation that the whitelist held before. One below the token presented: the database had lost a commit. */
  previousGeneration: number
}

/** All that the rotation table (docs/rotation.md) judges by, as the database's clock sees it. */
export interface RefreshState extends SessionFacts {
  userDisabled: boolean
  sessionRevoked: boolean
  sessionExpired: boolean
  /** The user's token_version moved on, or the realm's not_before did: everything older is dead. */
  outdated: boolean
  /** Undefined when the session has no refresh token any more. */
  whitelist: WhitelistRow | undefined
}

export interface WhitelistRow {
  generation: number
  tokenHash: Buffer
  previousHash: Buffer | null
  nextHash: Buffer
  expired: boolean
  rotatedSecondsAgo: number
  /** Of the last `replayWindowSeconds`. */
  lateReplays: number
  lateGeneration: number | null
}

export type RefreshTokens = ReturnType<typeof refreshTokensRepository>

/** The whitelist: who may refresh. */
export function refreshTokensRepository(runner: Runner) {
  return {
    /**
     * Replaces the token by its successor if it may be: the rows 2 and 4 of the rotation table in one statement that
     * returns all that the access token needs. Undefined when nothing was replaced; {@link find} then tells why.
     */
    async rotate(rotation: Rotation): Promise<Rotated | undefined> {
      const [row] = await runner.hot(rotate, { ...rotation, clientIds: rotation.clientIds.join() })
      return row
    },

    /** Everything about a session's refresh token, read afresh; undefined when the session is gone. */
    async find(sessionId: string, replayWindowSeconds: number): Promise<RefreshState | undefined> {
      const [row] = await runner.hot(find, { sessionId, replayWindowSeconds })
      if (!row) return undefined
      const { generation, tokenHash, nextHash, expired, rotatedSecondsAgo, lateReplays, ...rest } = row
      const { previousHash, lateGeneration, ...facts } = rest
      if (generation === null || tokenHash === null || nextHash === null || rotatedSecondsAgo === null)
        return { ...facts, whitelist: undefined }
      return {
        ...facts,
        whitelist: {
          generation,
          tokenHash,
          previousHash,
          nextHash,
          rotatedSecondsAgo,
          lateGeneration,
          expired: expired ?? true,
          lateReplays: lateReplays ?? 0,
        },
      }
    },

    /**
     * Counts that a generation's predecessor was answered late: once a generation however often it is sent again,
     * and at most `max` times in the window. False when nothing was counted.
     */
    async countLateReplay(replay: {
      sessionId: string
      generation: number
      previousHash: Buffer
      max: number
      windowSeconds: number
    }): Promise<boolean> {
      const windowIsOver = sql`coalesce(${refreshTokens.lateSince} <= now() - ${seconds(replay.windowSeconds)}, true)`
      const counted = await runner.run(executor =>
        executor
          .update(refreshTokens)
          .set({
            lateReplays: sql`case when ${windowIsOver} then 1 else ${refreshTokens.lateReplays} + 1 end`,
            lateSince: sql`case when ${windowIsOver} then now() else ${refreshTokens.lateSince} end`,
            lateGeneration: replay.generation,
          })
          .where(
            and(
              eq(refreshTokens.sessionId, replay.sessionId),
              eq(refreshTokens.generation, replay.generation),
              eq(refreshTokens.previousHash, replay.previousHash),
              sql`${refreshTokens.lateGeneration} is distinct from ${refreshTokens.generation}`,
              or(windowIsOver, sql`${refreshTokens.lateReplays} < ${replay.max}`),
            ),
          )
          .returning({ sessionId: refreshTokens.sessionId }),
      )
      return counted.length === 1
    },

    /** Takes the sessions off the whitelist: none of their tokens refreshes any more. */
    async remove(sessionIds: readonly string[]): Promise<void> {
      await runner.hot(remove, { sessionIds: idArray(sessionIds) })
    },
  }
}

const before = alias(refreshTokens, 'before')

type SentRotation = Omit<Rotation, 'clientIds'> & { clientIds: string }

const rotate = hotStatement<SentRotation, Rotated>('rotate_refresh_token', executor =>
  executor
    .update(refreshTokens)
    .set({
      generation: sql`${sql.placeholder('generation')}::int + 1`,
      tokenHash: sql`${sql.placeholder('successorHash')}`,
      previousHash: sql`${sql.placeholder('presentedHash')}`,
      nextHash: sql`${sql.placeholder('nextHash')}`,
      rotatedAt: sql`now()`,
      expiresAt: sql`least(now() + ${seconds(sql.placeholder('ttlSeconds'))}, ${sessions.expiresAt})`,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    // The row as it was, for what RETURNING can't tell before Postgres 18.
    .innerJoin(before, eq(before.sessionId, sessions.id))
    .where(
      and(
        eq(refreshTokens.sessionId, sql.placeholder('sessionId')),
        eq(sessions.id, refreshTokens.sessionId),
        sql`${sessions.clientId} = any(string_to_array(${sql.placeholder('clientIds')}, ','))`,
        or(
          and(
            eq(refreshTokens.tokenHash, sql.placeholder('presentedHash')),
            eq(refreshTokens.generation, sql`${sql.placeholder('generation')}::int`),
            or(
              // The first token of a session may be rotated at once: nothing was rotated a moment ago.
              eq(refreshTokens.generation, 0),
              sql`${refreshTokens.rotatedAt} <= now() - ${seconds(sql.placeholder('minAgeSeconds'))}`,
            ),
          ),
          and(
            eq(refreshTokens.nextHash, sql.placeholder('presentedHash')),
            eq(refreshTokens.generation, sql`${sql.placeholder('generation')}::int - 1`),
          ),
        ),
        isLive,
      ),
    )
    .returning({ ...sessionFacts, previousGeneration: before.generation })
    .prepare('rotate_refresh_token'),
)

const find = hotStatement<{ sessionId: string; replayWindowSeconds: number }, FoundRow>(
  'find_refresh_token',
  executor =>
    executor
      .select({
        ...sessionFacts,
        userDisabled: sql<boolean>`${users.disabledAt} is not null`,
        sessionRevoked: sql<boolean>`${sessions.revokedAt} is not null`,
        sessionExpired: sql<boolean>`${sessions.expiresAt} <= now()`,
        outdated: sql<boolean>`${users.tokenVersion} <> ${sessions.tokenVersion} or ${sessions.createdAt} < ${notBefore}`,
        generation: refreshTokens.generation,
        tokenHash: refreshTokens.tokenHash,
        previousHash: refreshTokens.previousHash,
        nextHash: refreshTokens.nextHash,
        expired: sql<boolean | null>`${refreshTokens.expiresAt} <= now()`,
        rotatedSecondsAgo: sql<number | null>`extract(epoch from now() - ${refreshTokens.rotatedAt})::float8`,
        lateReplays: sql<number>`case when ${refreshTokens.lateSince} > now() - ${seconds(sql.placeholder('replayWindowSeconds'))}
        then ${refreshTokens.lateReplays} else 0 end`,
        lateGeneration: refreshTokens.lateGeneration,
      })
      .from(sessions)
      .innerJoin(users, eq(users.id, sessions.userId))
      .leftJoin(refreshTokens, eq(refreshTokens.sessionId, sessions.id))
      .where(eq(sessions.id, sql.placeholder('sessionId')))
      .prepare('find_refresh_token'),
)

const remove = hotSql<{ sessionIds: string }, never>(
  'remove_refresh_tokens',
  sql`delete from refresh_tokens where session_id = any(${sql.placeholder('sessionIds')}::uuid[])`,
)

type FoundRow = Omit<RefreshState, 'whitelist'> & { [Column in keyof WhitelistRow]: WhitelistRow[Column] | null }
