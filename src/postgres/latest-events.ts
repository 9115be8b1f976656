import { and, asc, desc, eq, inArray, type SQL, sql } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'
import { securityEvents } from './schema/security-events.js'
import type { SecurityEvent, SecurityEventType } from './security-events.js'

export interface EventFilter {
  userId?: string | undefined
  /** Any of these; all types if it is empty. */
  types?: readonly SecurityEventType[] | undefined
  since?: Date | undefined
}

/** The events of all accounts, for support: a range of the index of instants, or of one user's events. */
export function latestEventsRepository(runner: Runner) {
  return {
    /** The latest first, before the event `beforeId`. */
    latest(filter: EventFilter, limit: number, beforeId?: string): Promise<SecurityEvent[]> {
      const isBefore = beforeId === undefined ? undefined : sql`${position} < ${positionOf(beforeId)}`
      return select(and(conditionOf(filter), isBefore), [desc(securityEvents.at), desc(securityEvents.id)], limit)
    },

    /** The earliest first, after the event `afterId`. */
    following(filter: EventFilter, limit: number, afterId?: string): Promise<SecurityEvent[]> {
      const isAfter = afterId === undefined ? undefined : sql`${position} > ${positionOf(afterId)}`
      return select(and(conditionOf(filter), isAfter), [asc(securityEvents.at), asc(securityEvents.id)], limit)
    },

    /** The time of the database. */
    async now(): Promise<Date> {
      const [row] = await runner.run(executor => executor.execute<{ now: string }>(sql`select now() as now`))
      return new Date(row!.now)
    },
  }

  async function select(condition: SQL | undefined, order: SQL[], limit: number): Promise<SecurityEvent[]> {
    const events = await runner.run(executor =>
      executor
        .select()
        .from(securityEvents)
        .where(condition)
        .orderBy(...order)
        .limit(limit),
    )
    return events as SecurityEvent[]
  }
}

const position = sql`(${securityEvents.at}, ${securityEvents.id})`

/** Read from the table, which keeps microseconds. */
const positionOf = (id: string) => sql`(select named.at, named.id from security_events as named where named.id = ${id})`

function conditionOf({ userId, types = [], since }: EventFilter): SQL | undefined {
  return and(
    userId === undefined ? undefined : eq(securityEvents.userId, userId),
    types.length === 0 ? undefined : inArray(securityEvents.type, [...types]),
    since && sql`${securityEvents.at} >= ${since.toISOString()}::timestamptz`,
  )
}
