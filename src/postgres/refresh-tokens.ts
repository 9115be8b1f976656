import { and, eq, or, sql } from 'drizzle-orm'
import { hotSql, type Runner } from './pool/connections.js'
import { findRefreshState } from './refresh-state.js'
import { rotations } from './rotations.js'
import { refreshTokens } from './schema/sessions.js'
import { idArray, seconds } from './session-facts.js'

export interface ReachedGeneration {
  sessionId: string
  generation: number
}

export type RefreshTokens = ReturnType<typeof refreshTokensRepository>

/** The whitelist: the refresh tokens that can be used. */
export function refreshTokensRepository(runner: Runner) {
  return {
    /**
     * Replaces a token with its successor, if all conditions hold, in one statement that returns the data for the access
     * token. Undefined if nothing was replaced; then {@link find} shows why.
     */
    rotate: rotations(runner),

    /** Of these live sessions, those that have reached a generation. Each session can be given only once. */
    async findReached(given: readonly ReachedGeneration[]): Promise<ReadonlySet<string>> {
      const generations = JSON.stringify(given.map(({ sessionId, generation }) => ({ sessionId, generation })))
      const rows = await runner.hot(findReached, { generations })
      return new Set(rows.map(({ sessionId }) => sessionId))
    },

    /** The current state of a session's refresh token; undefined if the session does not exist. */
    find: (sessionId: string) => findRefreshState(runner, sessionId),

    /**
     * Sets `rotatedAt` to now, because the previous token was answered late: at most once in `leewaySeconds`.
     * Returns false if the row has changed meanwhile.
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
     * Restarts a generation and counts this: once for each generation, however often its predecessor is sent, and in at
     * most `max` generations in a row. Returns false if nothing was counted.
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
     * Records that a client without cookies is told that its token is superseded.
     *
     * @returns how long ago it was told so for the first time (seconds); 0 if this is the first time
     */
    async tellSuperseded({ sessionId, generation }: { sessionId: string; generation: number }): Promise<number> {
      const [told] = await runner.hot(tellSuperseded, { sessionId, generation })
      return told?.secondsAgo ?? 0
    },

    /** Deletes the sessions from the whitelist, so that their refresh tokens are refused. */
    async remove(sessionIds: readonly string[]): Promise<void> {
      await runner.hot(remove, { sessionIds: idArray(sessionIds) })
    },
  }
}

/** A generation whose predecessor is answered late. */
export interface LateAnswer {
  sessionId: string
  generation: number
  previousHash: Buffer
}

/** Whether the token was not rotated since the decision about it. */
function isAsJudged({ sessionId, generation, previousHash }: LateAnswer) {
  return and(
    eq(refreshTokens.sessionId, sessionId),
    eq(refreshTokens.generation, generation),
    eq(refreshTokens.previousHash, previousHash),
  )
}

const remove = hotSql<{ sessionIds: string }, never>(
  'remove_refresh_tokens',
  sql`delete from refresh_tokens where session_id = any(${sql.placeholder('sessionIds')}::uuid[])`,
)

/** Selects from the sessions, because the session may no longer exist. */
const tellSuperseded = hotSql<{ sessionId: string; generation: number }, { secondsAgo: number }>(
  'tell_superseded',
  sql`insert into superseded_tokens as told (session_id, generation, told_at)
    select id, ${sql.placeholder('generation')}::int, now() from sessions where id = ${sql.placeholder('sessionId')}::uuid
    on conflict (session_id, generation) do update set told_at = told.told_at
    returning extract(epoch from now() - told_at)::float8 as "secondsAgo"`,
)

const findReached = hotSql<{ generations: string }, { sessionId: string }>(
  'find_reached_generations',
  sql`
    select "sessionId"
    from json_to_recordset(${sql.placeholder('generations')}::json) as given ("sessionId" uuid, generation int)
    join refresh_tokens on session_id = "sessionId" and refresh_tokens.generation >= given.generation`,
)
