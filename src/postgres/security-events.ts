import { and, desc, eq, notInArray, type SQL, sql } from 'drizzle-orm'
import { unionAll } from 'drizzle-orm/pg-core'
import { v7 as uuidv7 } from 'uuid'
import { hotSql, type Runner } from './pool/connections.js'
import { queueDeliveries } from './queue-deliveries.js'
import { users } from './schema/accounts.js'
import { securityEvents } from './schema/security-events.js'
import type { SecurityEventType } from './security-event-types.js'
import { seconds } from './session-facts.js'

export type { SecurityEventType }

export interface NewSecurityEvent {
  /** By default a new id. Of two events with the same id the first is kept. */
  id?: string
  /** By default now. */
  at?: Date
  type: SecurityEventType
  userId?: string | undefined
  sessionId?: string | undefined
  /** `user`, `system`, `cli`, or the id of a client or administrator. */
  actor: string
  ip?: string | undefined
  userAgent?: string | undefined
  details?: Record<string, unknown>
  /** The id of the request that caused it, if any. It is announced, and not stored. */
  requestId?: string | undefined
  /** The language of the person who caused it: a caller has it, for letters. It is not stored. */
  language?: string | undefined
}

/** An event that was written, with its id and its time by the clock of the database. */
export interface AddedEvent extends NewSecurityEvent {
  id: string
  at: Date
}

export type SecurityEvent = typeof securityEvents.$inferSelect & { type: SecurityEventType }

export interface EventsOfAccount {
  limit: number
  /** The id of the event before the first one. */
  before?: string | undefined
  /** Types that are left out. */
  except?: readonly SecurityEventType[]
}

export type SecurityEvents = ReturnType<typeof securityEventsRepository>

/**
 * The security events of accounts, with their actors.
 *
 * @param onAdded is called with the events that were written, without those that existed before
 */
export function securityEventsRepository(runner: Runner, onAdded: (events: readonly AddedEvent[]) => void) {
  async function addAll(events: readonly NewSecurityEvent[]): Promise<void> {
    if (events.length === 0) return
    const rows = events.map(event => ({ ...event, id: event.id ?? uuidv7() }))
    const written = await runner.hot(insert, { events: JSON.stringify(rows) })
    const times = new Map(written.map(({ id, at }) => [id, new Date(at)]))
    onAdded(rows.filter(({ id }) => times.has(id)).map(row => ({ ...row, at: times.get(row.id)! })))
  }

  return {
    add: (event: NewSecurityEvent) => addAll([event]),

    addAll,

    /**
     * Deletes the oldest of the events that are older than `ageSeconds`, and returns their number.
     *
     * @param type only events of this type
     */
    async removeOlderThan(ageSeconds: number, limit: number, type?: SecurityEventType): Promise<number> {
      const ofType = type === undefined ? sql`true` : sql`type = ${type}`
      const removed = await runner.run(executor =>
        executor.execute(sql`
          delete from security_events where id in (
            select id from security_events where ${ofType} and at < now() - ${seconds(ageSeconds)}
            order by at limit ${limit} for update skip locked)`),
      )
      return removed.count
    },

    /**
     * The events of an account and those that concern every account, the latest first, after the event `before`. Both
     * parts are read from an index in its order, so the list is fast even for an account with very many events.
     */
    async of(userId: string, { limit, before, except = [] }: EventsOfAccount): Promise<SecurityEvent[]> {
      const ofEveryone = sql`${securityEvents.type} = 'everyone_signed_out'`
      const behind =
        before === undefined
          ? undefined
          : sql`(${securityEvents.at}, ${securityEvents.id}) < (select named.at, named.id from security_events as named
              where named.id = ${before} and (named.user_id = ${userId} or named.type = 'everyone_signed_out'))`
      const isOfTheirTime = sql`${securityEvents.at} >= (select ${users.createdAt} from ${users} where ${users.id} = ${userId})`
      const latestFirst = [desc(securityEvents.at), desc(securityEvents.id)]
      const events = await runner.run(executor => {
        const select = (condition: SQL | undefined) =>
          executor
            .select()
            .from(securityEvents)
            .where(condition)
            .orderBy(...latestFirst)
            .limit(limit)
        const isShown = except.length === 0 ? undefined : notInArray(securityEvents.type, [...except])
        const own = select(and(eq(securityEvents.userId, userId), isShown, behind))
        return unionAll(own, select(and(ofEveryone, isOfTheirTime, behind)))
          .orderBy(...latestFirst)
          .limit(limit)
      })
      return events as SecurityEvent[]
    },
  }
}

/** The events are one JSON parameter, so that any number of them is the same statement. */
const insert = hotSql<{ events: string }, { id: string; at: string }>(
  'insert_security_events',
  sql`
    with written as (
    insert into security_events (id, at, user_id, session_id, type, actor, ip, user_agent, details)
    select id, coalesce(at, now()), "userId", "sessionId", type, actor, ip, "userAgent", details
    from json_to_recordset(${sql.placeholder('events')}::json) as given (id uuid, at timestamptz, "userId" uuid,
      "sessionId" uuid, type text, actor text, ip inet, "userAgent" text, details jsonb)
    on conflict do nothing
    returning id, at, user_id, type
    ), queued as (${queueDeliveries(sql`written`)})
    select id, at from written`,
)
