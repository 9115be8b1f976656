import { integer, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytea, instant } from './columns.js'

/** Other services, with credentials of their own. */
export const clients = pgTable(
  'clients',
  {
    /** What it calls itself by: its client_id. */
    id: uuid().primaryKey(),
    /** What its operators call it by. */
    name: text().notNull(),
    /** SHA-256 of its secret. */
    secretHash: bytea().notNull(),
    scopes: text().array().notNull(),
    /** Raised with each new secret; the client's tokens of a lower one are dead. */
    tokenVersion: integer().notNull().default(0),
    createdAt: instant().notNull().defaultNow(),
  },
  table => [uniqueIndex('clients_name').on(table.name)],
)
