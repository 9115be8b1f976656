import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  index,
  inet,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  uuid,
} from 'drizzle-orm/pg-core'
import { users } from './accounts.js'
import { bytea, instant } from './columns.js'

/**
 * One row for each sign-in on a device. A refresh updates it only if the browser or the address has changed; what every
 * refresh changes is in the whitelist.
 */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** Copied from the user at sign-in. */
    tokenVersion: integer().notNull(),
    clientId: text().notNull(),
    createdAt: instant().notNull().defaultNow(),
    /** The absolute end, which no refresh changes. */
    expiresAt: instant().notNull(),
    authTime: instant().notNull().defaultNow(),
    revokedAt: instant(),
    revokeReason: text(),
    device: jsonb().$type<{ browser: string | null; os: string | null; kind: string }>().notNull(),
    label: text(),
    userAgent: text(),
    ip: inet(),
    location: jsonb().$type<{ country: string; city?: string }>(),
    transport: text({ enum: ['cookie', 'body'] }).notNull(),
    /** False if the cookie ends with the browser; such a session has a short lifetime. */
    remember: boolean().notNull().default(true),
    authMethods: text().array().notNull(),
  },
  table => [
    index('sessions_of_user').on(table.userId),
    // Most sessions were opened by no client, and are not in this index.
    index('sessions_of_client').on(table.clientId, table.id).where(sql`${table.clientId} <> 'latchkey'`),
    check('sessions_transport', sql`${table.transport} in ('cookie', 'body')`),
  ],
)

/**
 * The whitelist: the one refresh token that each live session can use. Revoking deletes the row; a token without a row
 * is refused.
 *
 * The row is narrow and only its key is indexed, so that each rotation is a HOT update on the same page, and the cost
 * never grows with the session's age. The migration leaves space in each page for this (fillfactor).
 */
export const refreshTokens = pgTable('refresh_tokens', {
  sessionId: uuid()
    .primaryKey()
    .references(() => sessions.id, { onDelete: 'cascade' }),
  /** How often the token was rotated: 0 for the token of the sign-in. */
  generation: integer().notNull(),
  /** SHA-256 of the secret of the current token; below, of its predecessor and its successor. */
  tokenHash: bytea().notNull(),
  previousHash: bytea(),
  nextHash: bytea().notNull(),
  rotatedAt: instant().notNull(),
  expiresAt: instant().notNull(),
  /** The mark of the predecessor when it was rotated; null if it had none. */
  previousMark: integer(),
  /**
   * The generation with which the mark was written. The previous version of the service rotates without updating it.
   */
  previousMarkGeneration: integer(),
  /**
   * The number of consecutive generations with a counted late answer, the time of the first, and the last generation.
   */
  lateReplays: smallint().notNull().default(0),
  lateSince: instant(),
  lateGeneration: integer(),
})

/** The generations that a client without cookies was told are superseded, and when it was first told. */
export const supersededTokens = pgTable(
  'superseded_tokens',
  {
    sessionId: uuid()
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    generation: integer().notNull(),
    toldAt: instant().notNull(),
  },
  table => [primaryKey({ columns: [table.sessionId, table.generation] })],
)
