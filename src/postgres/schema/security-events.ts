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
    // These events concern every account, and every account's list contains them.
    index('security_events_of_everyone')
      .on(...latestFirst(table))
      .where(sql`${table.type} = 'everyone_signed_out'`),
    index('security_events_at').on(table.at),
  ],
)

/** The order of `order by at desc, id desc`, which needs an index with its nulls first. */
function latestFirst(table: { at: ExtraConfigColumn; id: ExtraConfigColumn }) {
  return [table.at.desc().nullsFirst(), table.id.desc().nullsFirst()] as const
}
