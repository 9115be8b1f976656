import { integer, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytea, instant } from './columns.js'

/** Other services that have credentials. */
export const clients = pgTable(
  'clients',
  {
    /** The client_id. */
    id: uuid().primaryKey(),
    /** The name for operators. */
    name: text().notNull(),
    /** SHA-256 of its secret. */
    secretHash: bytea().notNull(),
    scopes: text().array().notNull(),
    /** Raised with each new secret; the client's tokens with a lower version are invalid. */
    tokenVersion: integer().notNull().default(0),
    createdAt: instant().notNull().defaultNow(),
  },
  table => [uniqueIndex('clients_name').on(table.name)],
)
