import { sql } from 'drizzle-orm'
import { boolean, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytea, instant } from './columns.js'

export const users = pgTable(
  'users',
  {
    id: uuid().primaryKey(),
    /** In its normal form, or as an earlier version had it; see src/domain/accounts/account-names.ts. */
    email: text().notNull(),
    /** When its owner showed that letters to this address arrive; null if that is not known. */
    emailVerifiedAt: instant(),
    username: text(),
    /** The user's id in another system. */
    externalId: text(),
    passwordHash: text().notNull(),
    roles: text().array().notNull().default(sql`'{}'`),
    /** Raised by every change that ends all sessions; tokens with a lower version are invalid. */
    tokenVersion: integer().notNull().default(0),
    /** What access tokens say besides; null if nothing. See src/domain/accounts/claims.ts. */
    claims: jsonb().$type<Record<string, unknown>>(),
    /** Raised by every change of the roles or the claims; access tokens with a lower version are stale. */
    rolesVersion: integer().notNull().default(0),
    mustChangePassword: boolean().notNull().default(false),
    passwordChangedAt: instant().notNull().defaultNow(),
    failedLogins: integer().notNull().default(0),
    disabledAt: instant(),
    /** When the account is deleted, because its owner asked for it; no session can be opened before that is cancelled. */
    deleteAt: instant(),
    /** Used by the previous version of the service, which compares instants instead of roles_version. */
    tokensNotBefore: instant().notNull().default(sql`'epoch'`),
    createdAt: instant().notNull().defaultNow(),
    updatedAt: instant().notNull().defaultNow(),
  },
  table => [
    // Compared by bytes, not by the database's collation, so that these indexes also serve searches by prefix.
    uniqueIndex('users_email').on(table.email.op('text_pattern_ops')),
    uniqueIndex('users_username').on(table.username.op('text_pattern_ops')),
    uniqueIndex('users_external_id').on(table.externalId.op('text_pattern_ops')),
    // Contains only accounts whose roles were changed.
    index('users_tokens_not_before').on(table.tokensNotBefore).where(sql`${table.tokensNotBefore} > 'epoch'`),
    // Contains only accounts whose deletion was requested.
    index('users_delete_at').on(table.deleteAt).where(sql`${table.deleteAt} is not null`),
  ],
)

/**
 * What an application notes about an account, which no token contains. Apart from the users, so that no sign-in reads it. A
 * user without a row has no metadata.
 */
export const userMetadata = pgTable('user_metadata', {
  userId: uuid()
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  metadata: jsonb().$type<Record<string, unknown>>().notNull(),
})

/**
 * The one-time tokens with which users can set a new password. A user has at most one: a new one replaces it. It is
 * deleted when it is used, when the password changes and when the account is disabled. Code that uses it locks the
 * user's row.
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
 * The one-time tokens of letters, except those for a new password. A token is valid for its purpose, its user and the
 * address that it was sent to: a newer one for the same three replaces it.
 */
export const oneTimeTokens = pgTable(
  'one_time_tokens',
  {
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    purpose: text().notNull(),
    /** The address that it was sent to, in its normal form. */
    email: text().notNull(),
    /** SHA-256 of its secret. */
    tokenHash: bytea().notNull(),
    createdAt: instant().notNull().defaultNow(),
    expiresAt: instant().notNull(),
  },
  table => [
    primaryKey({ columns: [table.userId, table.purpose, table.email] }),
    index('one_time_tokens_expire').on(table.expiresAt),
    index('one_time_tokens_undo').on(table.email).where(sql`${table.purpose} = 'undo_email'`),
  ],
)

/**
 * Registrations whose address has not been confirmed (REGISTRATION=verified). There is no account yet: the token of the
 * letter makes it. Several people can have registered one address, and each has their own password and their own token.
 */
export const registrations = pgTable(
  'registrations',
  {
    /** The id of the account that it becomes. */
    userId: uuid().primaryKey(),
    email: text().notNull(),
    passwordHash: text().notNull(),
    /** The first claims of the account. */
    claims: jsonb().$type<Record<string, unknown>>(),
    /** SHA-256 of the secret of its token. */
    tokenHash: bytea().notNull(),
    createdAt: instant().notNull().defaultNow(),
    expiresAt: instant().notNull(),
  },
  table => [index('registrations_expire').on(table.expiresAt)],
)

/**
 * Attempts of a known browser or a live session to sign in to a locked account, counted apart from those of the
 * account. Only browsers and sessions that tried have a row.
 */
export const deviceFailures = pgTable(
  'device_failures',
  {
    /** The id of the browser or of the session. */
    deviceId: uuid().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    attempts: integer().notNull(),
    /** When the browser's cookie or the session has certainly expired. */
    expiresAt: instant().notNull(),
  },
  table => [index('device_failures_of_user').on(table.userId)],
)
