import { and, asc, desc, eq, getTableColumns, inArray, type SQL, sql } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'
import { securityEvents } from './schema/security-events.js'
import type { SecurityEvent, SecurityEventType } from './security-events.js'

export interface EventFilter {
  userId?: string | undefined
  /** Any of these; all types if it is empty. */
  types?: readonly SecurityEventType[] | undefined
  /** `user`, `system`, `cli`, or the id of a client or administrator. */
  actor?: string | undefined
  since?: Date | undefined
  /** The first instant that is not included. */
  until?: Date | undefined
}

/** Where an event is in the order of all events. It stays a place after the event was deleted. */
export interface EventPlace {
  /** In UTC, to the microsecond: `2026-03-01T12:00:00.123456Z`. */
  exactAt: string
  id: string
}

export type PlacedEvent = SecurityEvent & EventPlace

/**
 * The events of all accounts, for support and audit: a range of the index of instants, or of those of users, of types and
 * of actors.
 */
export function latestEventsRepository(runner: Runner) {
  return {
    /** The latest first, before this place. */
    latest(filter: EventFilter, limit: number, before?: EventPlace): Promise<PlacedEvent[]> {
      const isBefore = before && sql`${place} < ${placeOf(before)}`
      return select(and(conditionOf(filter), isBefore), [desc(securityEvents.at), desc(securityEvents.id)], limit)
    },

    /** The earliest first, after this place. */
    following(filter: EventFilter, limit: number, after?: EventPlace): Promise<PlacedEvent[]> {
      const isAfter = after && sql`${place} > ${placeOf(after)}`
      return select(and(conditionOf(filter), isAfter), [asc(securityEvents.at), asc(securityEvents.id)], limit)
    },

    /** The time of the database. */
    async now(): Promise<Date> {
      const [row] = await runner.run(executor => executor.execute<{ now: string }>(sql`select now() as now`))
      return new Date(row!.now)
    },
  }

  async function select(condition: SQL | undefined, order: SQL[], limit: number): Promise<PlacedEvent[]> {
    const events = await runner.run(executor =>
      executor
        .select({ ...getTableColumns(securityEvents), exactAt })
        .from(securityEvents)
        .where(condition)
        .orderBy(...order)
        .limit(limit),
    )
    return events as PlacedEvent[]
  }
}

const exactAt = sql<string>`to_json(${securityEvents.at} at time zone 'UTC') #>> '{}' || 'Z'`

const place = sql`(${securityEvents.at}, ${securityEvents.id})`

const placeOf = ({ exactAt, id }: EventPlace) => sql`(${exactAt}::timestamptz, ${id}::uuid)`

function conditionOf({ userId, types = [], actor, since, until }: EventFilter): SQL | undefined {
  return and(
    userId === undefined ? undefined : eq(securityEvents.userId, userId),
    types.length === 0 ? undefined : inArray(securityEvents.type, [...types]),
    actor === undefined ? undefined : isByActor(actor),
    since && sql`${securityEvents.at} >= ${since.toISOString()}::timestamptz`,
    until && sql`${securityEvents.at} < ${until.toISOString()}::timestamptz`,
  )
}

/** With the condition of the index of actors, so that Postgres can use it. */
function isByActor(actor: string): SQL {
  const isActor = eq(securityEvents.actor, actor)
  return actor === 'user' || actor === 'system'
    ? isActor
    : sql`${isActor} and ${securityEvents.actor} not in ('user', 'system')`
}
