import { sql } from 'drizzle-orm'
import { type ExtraConfigColumn, index, inet, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { instant } from './columns.js'

/** The security events of accounts, for their owners and for support. */
export const securityEvents = pgTable(
  'security_events',
  {
    id: uuid().primaryKey(),
    at: instant().notNull().defaultNow(),
    userId: uuid(),
    sessionId: uuid(),
    type: text().notNull(),
    /** Who caused it: `user`, `system`, `cli`, or the id of a client or administrator. */
    actor: text().notNull(),
    ip: inet(),
    userAgent: text(),
    details: jsonb().$type<Record<string, unknown>>(),
  },
  table => [
    index('security_events_of_user').on(table.userId, ...latestFirst(table)),
    // For filters by type, for the retention of a type, and for the events that concern every account.
    index('security_events_of_type').on(table.type, table.at),
    // Only what administrators, commands and clients did: users cause nearly all events.
    index('security_events_of_actor')
      .on(table.actor, ...latestFirst(table))
      .where(sql`${table.actor} not in ('user', 'system')`),
    index('security_events_at').on(table.at),
  ],
)

/** The order of `order by at desc, id desc`, which needs an index with its nulls first. */
function latestFirst(table: { at: ExtraConfigColumn; id: ExtraConfigColumn }) {
  return [table.at.desc().nullsFirst(), table.id.desc().nullsFirst()] as const
}
