import { sql } from 'drizzle-orm'
import { bigint, boolean, check, index, integer, pgTable, text } from 'drizzle-orm/pg-core'
import { instant, xid8 } from './columns.js'

/** The journal: every revocation, written in the transaction of the change that it results from. */
export const revocations = pgTable(
  'revocations',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** The transaction that wrote it. Readers use this order, because ids can become visible out of order. */
    xid: xid8().notNull().default(sql`pg_current_xact_id()`),
    at: instant().notNull().defaultNow(),
    kind: text({ enum: ['session', 'token', 'user', 'key', 'realm'] }).notNull(),
    /** A session id, jti, user id or kid; null for the realm. */
    subject: text(),
    /** For a user: tokens with a lower token_version are refused. */
    boundVersion: integer(),
    /** For a user: tokens with a lower roles_version are stale. */
    boundRolesVersion: integer(),
    /**
     * For the realm: sessions that began before are refused. For a user: tokens issued before are stale; this is for
     * the previous version of the service. Whole seconds.
     */
    boundAt: instant(),
    reason: text().notNull(),
    /** Null for a key, which stays revoked for ever. */
    expiresAt: instant(),
  },
  table => [
    index('revocations_xid').on(table.xid),
    // For introspection, which looks up one token. For sessions and users it reads their own rows.
    index('revocations_of_tokens').on(table.subject).where(sql`${table.kind} in ('token', 'key')`),
    check(
      'revocations_shape',
      sql`case ${table.kind}
        when 'user' then ${table.subject} is not null and num_nonnulls(${table.boundVersion}, ${table.boundAt}) = 1
          and num_nonnulls(${table.boundVersion}, ${table.boundRolesVersion}) < 2
        when 'realm' then ${table.subject} is null and num_nonnulls(${table.boundVersion}, ${table.boundRolesVersion}) = 0
          and ${table.boundAt} is not null
        else ${table.kind} in ('session', 'token', 'key') and ${table.subject} is not null
          and num_nonnulls(${table.boundVersion}, ${table.boundRolesVersion}, ${table.boundAt}) = 0
      end`,
    ),
  ],
)

/** Its one row contains the instant before which every session and token is invalid. */
export const realm = pgTable(
  'realm',
  {
    id: boolean().primaryKey().default(true),
    notBefore: instant().notNull().default(sql`'epoch'`),
  },
  table => [check('realm_has_one_row', sql`${table.id}`)],
)
