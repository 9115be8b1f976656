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
 * One row a sign-in on a device. A refresh leaves it alone unless the browser or the address is another: what every
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
    /** The absolute end; no refresh moves it. */
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
    /** False where the browser shall forget it: its cookie ends with the browser, and its life is short. */
    remember: boolean().notNull().default(true),
    authMethods: text().array().notNull(),
  },
  table => [
    index('sessions_of_user').on(table.userId),
    // Most sessions are the people's own, opened by no client: they are not in it.
    index('sessions_of_client').on(table.clientId, table.id).where(sql`${table.clientId} <> 'latchkey'`),
    check('sessions_transport', sql`${table.transport} in ('cookie', 'body')`),
  ],
)

/**
 * The whitelist: the one refresh token that each live session may use. Revoking deletes the row, so absent is refused.
 *
 * The row is narrow and only its key is indexed, so that Postgres rewrites it in place (a HOT update) at each rotation
 * and its cost never grows with the session's age; the migration leaves room in each page for that (fillfactor).
 */
export const refreshTokens = pgTable('refresh_tokens', {
  sessionId: uuid()
    .primaryKey()
    .references(() => sessions.id, { onDelete: 'cascade' }),
  /** How often the token was rotated: 0 is the one given at sign-in. */
  generation: integer().notNull(),
  /** SHA-256 of the secret of the current token, its predecessor and its successor. */
  tokenHash: bytea().notNull(),
  previousHash: bytea(),
  nextHash: bytea().notNull(),
  rotatedAt: instant().notNull(),
  expiresAt: instant().notNull(),
  /** The mark that came with the predecessor when it was rotated; null if none did. */
  previousMark: integer(),
  /** The generation that it was written with: the version before this one rotates and leaves it as it is. */
  previousMarkGeneration: integer(),
  /** In how many generations in a row late answers were counted, since when, and the last of them. */
  lateReplays: smallint().notNull().default(0),
  lateSince: instant(),
  lateGeneration: integer(),
})

/** Which tokens clients without cookies were told to be superseded, and when first. */
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
