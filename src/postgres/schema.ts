import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  customType,
  type ExtraConfigColumn,
  index,
  inet,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'

/**
 * The tables. Postgres is the truth: what may not be lost is here, everything else is in src/redis.
 *
 * Ids are UUIDv7 made in the app; instants are `timestamptz` and judged by the database's clock. Code that locks rows of
 * more than one table takes them in this order: clients, users, password_resets, sessions, refresh_tokens, revocations.
 */

const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' })
const xid8 = customType<{ data: string; driverData: string }>({ dataType: () => 'xid8' })
const instant = () => timestamp({ withTimezone: true, mode: 'date' })

/** Its one row says from when on what was issued counts; all before is dead. */
export const realm = pgTable(
  'realm',
  {
    id: boolean().primaryKey().default(true),
    notBefore: instant().notNull().default(sql`'epoch'`),
  },
  table => [check('realm_has_one_row', sql`${table.id}`)],
)

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

export const signingKeys = pgTable('signing_keys', {
  kid: text().primaryKey(),
  alg: text({ enum: ['ES256', 'EdDSA', 'RS256'] }).notNull(),
  publicJwk: jsonb().$type<Record<string, unknown>>().notNull(),
  /** The private key, sealed with AES-256-GCM under a key derived from JWT_SECRET. */
  sealedPrivateKey: bytea().notNull(),
  createdAt: instant().notNull().defaultNow(),
  /** From when on it signs: far enough ahead that every verifier has fetched it before. */
  activeFrom: instant().notNull(),
  /** When the last token it signed is dead; null while it signs. */
  retiresAt: instant(),
  revokedAt: instant(),
})

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

/** What happened to an account, for its owner and for support. */
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
    // They concern every account, and are among the events of each.
    index('security_events_of_everyone')
      .on(...latestFirst(table))
      .where(sql`${table.type} = 'everyone_signed_out'`),
    index('security_events_at').on(table.at),
  ],
)

/** As `order by at desc, id desc` sorts: an index with its nulls at the other end would not serve it. */
function latestFirst(table: { at: ExtraConfigColumn; id: ExtraConfigColumn }) {
  return [table.at.desc().nullsFirst(), table.id.desc().nullsFirst()] as const
}
