import { boolean, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import type { AssertionTrust } from '../../lib/assertion-trust.js'
import { bytea, instant } from './columns.js'

/** Other services that have credentials. */
export const clients = pgTable(
  'clients',
  {
    /** The client_id. */
    id: uuid().primaryKey(),
    /** The name for operators. */
    name: text().notNull(),
    /** SHA-256 of its secret. Without a secret it is that of a value that nobody knows, so that no secret matches. */
    secretHash: bytea().notNull(),
    hasSecret: boolean().notNull().default(true),
    /** Whose signed assertions authenticate it. */
    assertion: jsonb().$type<AssertionTrust>(),
    scopes: text().array().notNull(),
    /** Raised with each new secret; the client's tokens with a lower version are invalid. */
    tokenVersion: integer().notNull().default(0),
    createdAt: instant().notNull().defaultNow(),
  },
  table => [uniqueIndex('clients_name').on(table.name)],
)

/** The assertions that were accepted, until they expire: so that none is accepted twice (docs/adr/0025-client-assertions.md). */
export const usedAssertions = pgTable(
  'used_assertions',
  {
    clientId: uuid().notNull(),
    /** SHA-256 of its `jti`, or of the whole assertion if it has none. */
    idHash: bytea().notNull(),
    /** SHA-256 of the signed part of the assertion. */
    contentHash: bytea().notNull(),
    expiresAt: instant().notNull(),
  },
  table => [
    primaryKey({ columns: [table.clientId, table.idHash] }),
    index('used_assertions_expires_at').on(table.expiresAt),
  ],
)
