import { sql } from 'drizzle-orm'
import { endOfSession, hasExpired, ofUser } from './is-live.js'
import { hotSql, type Runner } from './pool/connections.js'
import { seconds } from './session-facts.js'

/** A session that expired: it was not used for too long, or it reached its absolute end. */
export interface ExpiredSession {
  id: string
  userId: string
  endedAt: Date
  wasIdle: boolean
  userAgent: string | null
}

/** Expired sessions, and their removal. */
export function expiredSessionsRepository(runner: Runner) {
  return {
    /**
     * Deletes sessions that began so long ago that none can be live, with their refresh tokens. Returns their number,
     * and those of them that expired. Ids sort by time, so the primary key finds them: this needs no other index and
     * reads no live row.
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
            select ${expiredColumns} from batch join sessions using (id) ${expiredJoins} where ${hasExpired}
          ), removed as (
            delete from sessions where id in (select id from batch) returning id
          )
          select expired.*, expired.id is not null as "wasExpired" from removed left join expired using (id)`),
      )
      return { count: removed.length, expired: removed.filter(({ wasExpired }) => wasExpired).map(toExpired) }
    },

    /** The sessions of a user that expired within this time and have no security event about it yet. */
    async of(userId: string, withinSeconds: number): Promise<ExpiredSession[]> {
      const rows = await runner.hot(expiredOf, { userId, withinSeconds })
      return rows.map(toExpired)
    },
  }
}

const expiredColumns = sql`sessions.id, sessions.user_id as "userId", ${endOfSession} as "endedAt",
  refresh_tokens.expires_at < sessions.expires_at as "wasIdle", sessions.user_agent as "userAgent"`

const expiredJoins = sql`join refresh_tokens on refresh_tokens.session_id = sessions.id`

const expiredOf = hotSql<{ userId: string; withinSeconds: number }, ExpiredRow>(
  'expired_sessions_of_user',
  sql`
    select ${expiredColumns} from sessions ${expiredJoins}
    where ${ofUser} and ${hasExpired}
      and ${endOfSession} > now() - ${seconds(sql.placeholder('withinSeconds'))}
      and not exists (select from security_events where security_events.id = sessions.id)`,
)

/** The driver returns the instants of plain SQL as text. */
type ExpiredRow = Record<string, unknown> & Omit<ExpiredSession, 'endedAt'> & { endedAt: string }

function toExpired({ id, userId, endedAt, wasIdle, userAgent }: ExpiredRow): ExpiredSession {
  return { id, userId, endedAt: new Date(endedAt), wasIdle, userAgent }
}
