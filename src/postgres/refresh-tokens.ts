import { and, eq, or, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { isLive } from './is-live.js'
import { hotSql, hotStatement, type Runner } from './pool/connections.js'
import { findRefreshState } from './refresh-state.js'
import { users } from './schema/accounts.js'
import { refreshTokens, sessions } from './schema/sessions.js'
import { idArray, type SessionFacts, seconds, sessionFacts } from './session-facts.js'

/** What a rotation needs to know of the token presented, and of the two that follow from it. */
export interface Rotation {
  sessionId: string
  /** The generation of the token presented. */
  generation: number
  presentedHash: Buffer
  /** The mark that came with it. */
  mark: number | null
  successorHash: Buffer
  /** The hash of the successor's successor. */
  nextHash: Buffer
  /** Whether the whitelist may name another successor, because the secret that it was derived with is gone. */
  anySuccessor: boolean
  /** Whose sessions it may be of. */
  clientIds: readonly string[]
  minAgeSeconds: number
  ttlSeconds: number
}

export interface Rotated extends SessionFacts {
  /** The generation that the whitelist held before. One below the token presented: the database had lost a commit. */
  previousGeneration: number
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
    find: (sessionId: string) => findRefreshState(runner, sessionId),

    /**
     * Lets a generation begin anew, because its predecessor was answered late: at most once in `leewaySeconds`. False if
     * the row has changed meanwhile.
     */
    async restart(late: LateAnswer & { leewaySeconds: number }): Promise<boolean> {
      const restarted = await runner.run(executor =>
        executor
          .update(refreshTokens)
          .set({ rotatedAt: sql`now()` })
          .where(and(isAsJudged(late), sql`${refreshTokens.rotatedAt} < now() - ${seconds(late.leewaySeconds)}`))
          .returning({ sessionId: refreshTokens.sessionId }),
      )
      return restarted.length === 1
    },

    /**
     * Lets a generation begin anew and counts it: once a generation however often its predecessor is sent, and at most
     * `max` generations in a row. False when nothing was counted.
     */
    async countLate(late: LateAnswer & { max: number }): Promise<boolean> {
      const inARow = sql`coalesce(${refreshTokens.lateGeneration} >= ${refreshTokens.generation} - 1, false)`
      const counted = await runner.run(executor =>
        executor
          .update(refreshTokens)
          .set({
            rotatedAt: sql`now()`,
            lateReplays: sql`case when ${inARow} then ${refreshTokens.lateReplays} + 1 else 1 end`,
            lateSince: sql`case when ${inARow} then ${refreshTokens.lateSince} else now() end`,
            lateGeneration: late.generation,
          })
          .where(
            and(
              isAsJudged(late),
              sql`${refreshTokens.lateGeneration} is distinct from ${refreshTokens.generation}`,
              or(sql`not ${inARow}`, sql`${refreshTokens.lateReplays} < ${late.max}`),
            ),
          )
          .returning({ sessionId: refreshTokens.sessionId }),
      )
      return counted.length === 1
    },

    /**
     * Keeps that a client without cookies is told that a token is superseded.
     *
     * @returns how long ago it was told so first (seconds): zero at the first time
     */
    async tellSuperseded({ sessionId, generation }: { sessionId: string; generation: number }): Promise<number> {
      const [told] = await runner.hot(tellSuperseded, { sessionId, generation })
      return told?.secondsAgo ?? 0
    },

    /** Takes the sessions off the whitelist: none of their tokens refreshes any more. */
    async remove(sessionIds: readonly string[]): Promise<void> {
      await runner.hot(remove, { sessionIds: idArray(sessionIds) })
    },
  }
}

/** The generation whose predecessor is answered late. */
export interface LateAnswer {
  sessionId: string
  generation: number
  previousHash: Buffer
}

/** Nobody rotated the token since it was judged. */
function isAsJudged({ sessionId, generation, previousHash }: LateAnswer) {
  return and(
    eq(refreshTokens.sessionId, sessionId),
    eq(refreshTokens.generation, generation),
    eq(refreshTokens.previousHash, previousHash),
  )
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
      previousMark: sql`${sql.placeholder('mark')}::int`,
      previousMarkGeneration: sql`${sql.placeholder('generation')}::int + 1`,
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
            // The family never forks: after a lost commit, the successor that a client was given is still the next one.
            sql`(${refreshTokens.nextHash} = ${sql.placeholder('successorHash')} or ${sql.placeholder('anySuccessor')}::boolean)`,
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

const remove = hotSql<{ sessionIds: string }, never>(
  'remove_refresh_tokens',
  sql`delete from refresh_tokens where session_id = any(${sql.placeholder('sessionIds')}::uuid[])`,
)

/** From the session, which may be gone. */
const tellSuperseded = hotSql<{ sessionId: string; generation: number }, { secondsAgo: number }>(
  'tell_superseded',
  sql`insert into superseded_tokens as told (session_id, generation, told_at)
    select id, ${sql.placeholder('generation')}::int, now() from sessions where id = ${sql.placeholder('sessionId')}::uuid
    on conflict (session_id, generation) do update set told_at = told.told_at
    returning extract(epoch from now() - told_at)::float8 as "secondsAgo"`,
)
