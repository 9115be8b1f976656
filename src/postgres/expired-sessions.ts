import { sql } from 'drizzle-orm'
import { notBefore, ofUser } from './is-live.js'
import { hotSql, type Runner } from './pool/connections.js'
import { seconds } from './session-facts.js'

/** A session that nobody ended: it was left unused, or reached its end. */
export interface ExpiredSession {
  id: string
  userId: string
  endedAt: Date
  wasIdle: boolean
  userAgent: string | null
}

/** Sessions that ended without anybody's doing, and their removal. */
export function expiredSessionsRepository(runner: Runner) {
  return {
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
    async of(userId: string, withinSeconds: number): Promise<ExpiredSession[]> {
      const rows = await runner.hot(expiredOf, { userId, withinSeconds })
      return rows.map(toExpired)
    },
  }
}

const endOfSession = sql`least(refresh_tokens.expires_at, sessions.expires_at)`

const expiredColumns = sql`sessions.id, sessions.user_id as "userId", ${endOfSession} as "endedAt",
  refresh_tokens.expires_at < sessions.expires_at as "wasIdle", sessions.user_agent as "userAgent"`

const expiredJoins = sql`join refresh_tokens on refresh_tokens.session_id = sessions.id`

/** Code that ends a session deletes its refresh token, so it is not among these; a sign-out of everyone does not. */
const expiredByItself = sql`${endOfSession} <= now()
  and (sessions.created_at >= ${notBefore} or ${endOfSession} < ${notBefore})`

const expiredOf = hotSql<{ userId: string; withinSeconds: number }, ExpiredRow>(
  'expired_sessions_of_user',
  sql`
    select ${expiredColumns} from sessions ${expiredJoins}
    where ${ofUser} and ${expiredByItself}
      and ${endOfSession} > now() - ${seconds(sql.placeholder('withinSeconds'))}
      and not exists (select from security_events where security_events.id = sessions.id)`,
)

/** Statements that are plain text get instants as text. */
type ExpiredRow = Record<string, unknown> & Omit<ExpiredSession, 'endedAt'> & { endedAt: string }

function toExpired({ id, userId, endedAt, wasIdle, userAgent }: ExpiredRow): ExpiredSession {
  return { id, userId, endedAt: new Date(endedAt), wasIdle, userAgent }
}
