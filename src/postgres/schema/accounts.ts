import { sql } from 'drizzle-orm'
import { boolean, index, integer, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytea, instant } from './columns.js'

export const users = pgTable(
  'users',
  {
    id: uuid().primaryKey(),
    /** In its normal form, or as an earlier version had it; see src/domain/accounts/account-names.ts. */
    email: text().notNull(),
    username: text(),
    /** The id that another system knows this user by. */
    externalId: text(),
    passwordHash: text().notNull(),
    roles: text().array().notNull().default(sql`'{}'`),
    /** Raised by every change that ends all sessions; tokens of a lower one are dead. */
    tokenVersion: integer().notNull().default(0),
    /** Raised by every change of the roles; access tokens of a lower one are stale. */
    rolesVersion: integer().notNull().default(0),
    mustChangePassword: boolean().notNull().default(false),
    passwordChangedAt: instant().notNull().defaultNow(),
    failedLogins: integer().notNull().default(0),
    disabledAt: instant(),
    /** Of the version before this one, which went by instants where this one goes by roles_version. */
    tokensNotBefore: instant().notNull().default(sql`'epoch'`),
    createdAt: instant().notNull().defaultNow(),
    updatedAt: instant().notNull().defaultNow(),
  },
  table => [
    // By bytes and not by the database's collation, so that they find what begins with something, too.
    uniqueIndex('users_email').on(table.email.op('text_pattern_ops')),
    uniqueIndex('users_username').on(table.username.op('text_pattern_ops')),
    uniqueIndex('users_external_id').on(table.externalId.op('text_pattern_ops')),
    // Only accounts whose roles ever changed are in it.
    index('users_tokens_not_before').on(table.tokensNotBefore).where(sql`${table.tokensNotBefore} > 'epoch'`),
  ],
)

/**
 * The one-time tokens with which a user may set a new password: one at most, which the next replaces, and which goes
 * when it is used, when the password changes and when the account is disabled. Code that takes it holds the user's row.
 */
export const passwordResets = pgTable('password_resets', {
  userId: uuid()
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  /** SHA-256 of its secret. */
  tokenHash: bytea().notNull(),
  createdAt: instant().notNull().defaultNow(),
  expiresAt: instant().notNull(),
})

/**
 * Attempts that a known browser or a live session made on a locked account: its own count, apart from that of the account.
 * Only those that tried have a row.
 */
export const deviceFailures = pgTable(
  'device_failures',
  {
    /** Or the id of a session. */
    deviceId: uuid().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    attempts: integer().notNull(),
    /** When the browser or the session can't be known any more, whatever its count. */
    expiresAt: instant().notNull(),
  },
  table => [index('device_failures_of_user').on(table.userId)],
)
