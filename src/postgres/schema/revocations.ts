import { sql } from 'drizzle-orm'
import { bigint, boolean, check, index, integer, pgTable, text } from 'drizzle-orm/pg-core'
import { instant, xid8 } from './columns.js'

/** The journal: every revocation, written in the transaction of the change it follows from. */
export const revocations = pgTable(
  'revocations',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** The transaction that wrote it. Readers follow this, as ids can become visible out of order. */
    xid: xid8().notNull().default(sql`pg_current_xact_id()`),
    at: instant().notNull().defaultNow(),
    kind: text({ enum: ['session', 'token', 'user', 'key', 'realm'] }).notNull(),
    /** A session id, jti, user id or kid; null for the realm. */
    subject: text(),
    /** For a user: tokens of a lower token_version are refused. */
    boundVersion: integer(),
    /** For a user: tokens of a lower roles_version are stale. */
    boundRolesVersion: integer(),
    /**
     * For the realm: what began before is refused. For a user: tokens issued before are stale, which is what the version
     * before this one goes by. Whole seconds.
     */
    boundAt: instant(),
    reason: text().notNull(),
    /** Null is never: a compromised key stays revoked. */
    expiresAt: instant(),
  },
  table => [
    index('revocations_xid').on(table.xid),
    // For introspection, which asks about one token. Revocations of sessions and users are found with their rows.
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

/** Its one row says from when on what was issued counts; all before is dead. */
export const realm = pgTable(
  'realm',
  {
    id: boolean().primaryKey().default(true),
    notBefore: instant().notNull().default(sql`'epoch'`),
  },
  table => [check('realm_has_one_row', sql`${table.id}`)],
)
