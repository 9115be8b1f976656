import { sql } from 'drizzle-orm'
import { type ExtraConfigColumn, index, inet, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { instant } from './columns.js'

/** What happened to an account, for its owner and for support. */
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
    // They concern every account, and are among the events of each.
    index('security_events_of_everyone')
      .on(...latestFirst(table))
      .where(sql`${table.type} = 'everyone_signed_out'`),
    index('security_events_at').on(table.at),
  ],
)

/** As `order by at desc, id desc` sorts: an index with its nulls at the other end would not serve it. */
function latestFirst(table: { at: ExtraConfigColumn; id: ExtraConfigColumn }) {
  return [table.at.desc().nullsFirst(), table.id.desc().nullsFirst()] as const
}
