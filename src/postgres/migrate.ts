import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator'
import postgres from 'postgres'
import { readPostgresUrl } from '../config/postgres-url.js'
import type { Log } from '../lib/log.js'
import { type ConnectionOptions, clientOptions, sessionSettings, setLocally } from './pool/client-options.js'
import { locatorFor } from './pool/route.js'
import { type Address, connectTo } from './pool/socket.js'
import { SCHEMA_VIEW, SchemaError, type SchemaView, schemaToMigrate } from './search-path.js'

export interface MigrateOptions extends Pick<ConnectionOptions, 'url' | 'caFile'> {
  log?: Pick<Log, 'warn'>
  /** How long to wait for the migration of another instance. */
  timeoutMs?: number
  /** Called once, when the tables are those of this version. */
  onMigrated?: ((migrated: Migrated) => void) | undefined
}

/** What a call of {@link migrate} has done. */
export interface Migrated {
  /** How many migrations it applied; 0 if none was missing. */
  applied: number
  /** Whether there were no tables before. */
  isNew: boolean
}

const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url))

/** Any number that no other program uses as an advisory lock in this database. */
const ADVISORY_LOCK = 7_233_417_021

const TIMEOUT_MS = 300_000
const INTERVAL_MS = 200
const REMINDER_MS = 30_000
const CONNECT_TIMEOUT_MS = 10_000

/**
 * Applies the missing migrations. Many instances can call this at once: one of them works, and the others wait for it.
 * If no migration is missing, it needs no lock and no right to change tables.
 *
 * @returns the schema of the tables
 * @throws SchemaError before anything is written, if the search_path cannot be used
 * @throws Error that names the process that holds the lock, if the wait is longer than the time limit
 */
export async function migrate(given: MigrateOptions): Promise<string> {
  const { log, timeoutMs = TIMEOUT_MS, onMigrated, ...options } = given
  const migrations = allMigrations()
  // With or without a pooler, the transaction itself sets what a migration needs.
  const clientOf = { timeoutMs: CONNECT_TIMEOUT_MS, prepare: false, applicationName: 'latchkey-migrate' }
  const client = openClient({ ...options, ...clientOf })
  const { searchPath } = readPostgresUrl(options.url)
  try {
    const begun = performance.now()
    let remindAt = begun
    for (;;) {
      const done = await migrateUnlessLocked(client, migrations, searchPath)
      if (done !== undefined) {
        onMigrated?.({ applied: done.applied, isNew: done.isNew })
        return done.schema
      }
      const now = performance.now()
      if (now - begun >= timeoutMs) throw await lockHeld(client, timeoutMs)
      if (now >= remindAt) {
        log?.warn(`Another instance is bringing the tables up to date; waiting for it, up to ${timeoutMs / 1000} s.`)
        remindAt = now + REMINDER_MS
      }
      await sleep(INTERVAL_MS)
    }
  } finally {
    await client.end({ timeout: 5 })
  }
}

/**
 * If the address leaves a choice of servers, each connection looks for the primary. The driver's own sockets would connect
 * again without an end to a server that closes each connection.
 */
function openClient(options: ConnectionOptions): postgres.Sql {
  const given = clientOptions(options)
  const { connect_timeout = 0 } = given
  const socket = async (address: Address) =>
    connectTo((await locatorFor(options)?.find()) ?? address, connect_timeout * 1000)
  return postgres({ ...given, socket } as typeof given)
}

/** The migrations of this version, the oldest first. */
export function allMigrations(): MigrationMeta[] {
  return readMigrationFiles({ migrationsFolder: MIGRATIONS_FOLDER })
}

/**
 * Applies the missing migrations in one transaction, and records them in the same table as Drizzle's own migrator,
 * because earlier versions read it. It does not use that migrator, which needs a lock around its transaction: behind a
 * pooler, a lock of the session would stay on a connection that others use.
 *
 * @returns the schema and what was done, or undefined if another instance has the lock
 */
async function migrateUnlessLocked(
  client: postgres.Sql,
  migrations: MigrationMeta[],
  searchPath: string | undefined,
): Promise<(Migrated & { schema: string }) | undefined> {
  return client.begin('isolation level read committed', async transaction => {
    // A migration can take long, and can wait long for locks.
    await transaction.unsafe(setLocally(sessionSettings(0)))
    const [view] = (await transaction.unsafe(SCHEMA_VIEW)) as unknown as [SchemaView]
    const schema = schemaToMigrate(view, searchPath)
    await transaction`select set_config('search_path', quote_ident(${schema}), true)`
    const lastBefore = await lastApplied(transaction, schema)
    if (lastBefore !== undefined && missingAfter(lastBefore, migrations).length === 0)
      return { schema, applied: 0, isNew: false }
    const [lock] = await transaction`select pg_try_advisory_xact_lock(${ADVISORY_LOCK}) as taken`
    if (!lock!.taken) return undefined
    // Read again: another instance may have finished before this one got the lock.
    const last = (await lastApplied(transaction, schema)) ?? (await createMigrationsTable(transaction, schema))
    const missing = missingAfter(last, migrations)
    for (const migration of missing) {
      for (const statement of migration.sql) await transaction.unsafe(inSearchPath(statement))
      await transaction`
        insert into ${transaction.unsafe(migrationsTableOf(schema))} (hash, created_at)
        values (${migration.hash}, ${migration.folderMillis})`
    }
    return { schema, applied: missing.length, isNew: last === 0 }
  })
}

/**
 * The table that records the applied migrations. It is in the schema of the other tables, so that each schema of a
 * database is a separate deployment. For the schema public it is where Drizzle and earlier versions have it.
 */
function migrationsTableOf(schema: string): string {
  return schema === 'public' ? 'drizzle.__drizzle_migrations' : '__drizzle_migrations'
}

/** Drizzle writes its default schema before the table that a foreign key references. */
function inSearchPath(statement: string): string {
  return statement.replaceAll('"public".', '')
}

/**
 * When the newest applied migration was created (milliseconds since the epoch); undefined if the table does not exist.
 *
 * @throws SchemaError if another program's migrations are recorded there
 */
async function lastApplied(transaction: postgres.TransactionSql, schema: string): Promise<number | undefined> {
  const table = migrationsTableOf(schema)
  const tableSchema = table.startsWith('drizzle.') ? 'drizzle' : schema
  if (!(await hasTable(transaction, tableSchema, '__drizzle_migrations'))) return undefined
  const [last] = await transaction.unsafe(`select max(created_at) as made_at from ${table}`)
  if (last!.made_at === null) return 0
  // Read after the recorded migrations, because another instance may just have finished.
  if (await hasTable(transaction, schema, 'revocations')) return Number(last!.made_at)
  throw new SchemaError(
    `${table} lists migrations of another program, which keeps them in the same place: give Latchkey a database or a ` +
      'schema of its own (docs/configuration.md)',
  )
}

/** Does not use to_regclass, which can return an earlier result within a transaction. */
async function hasTable(transaction: postgres.TransactionSql, schema: string, table: string): Promise<boolean> {
  const found = await transaction`
    select from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = ${schema} and relname = ${table}`
  return found.length > 0
}

async function createMigrationsTable(transaction: postgres.TransactionSql, schema: string): Promise<number> {
  const table = migrationsTableOf(schema)
  if (table.startsWith('drizzle.')) await transaction`create schema if not exists drizzle`
  await transaction.unsafe(`create table ${table} (id serial primary key, hash text not null, created_at bigint)`)
  return 0
}

function missingAfter(last: number, migrations: readonly MigrationMeta[]): MigrationMeta[] {
  return migrations.filter(({ folderMillis }) => folderMillis > last)
}

async function lockHeld(client: postgres.Sql, timeoutMs: number): Promise<Error> {
  const [holder] = await client`
    select pid from pg_locks
    where locktype = 'advisory' and granted and (classid::bigint << 32) + objid::bigint = ${ADVISORY_LOCK}
      and database = (select oid from pg_database where datname = current_database())`
  const pid = holder?.pid ?? 'unknown'
  return new Error(
    `the lock for migrations was not free for ${timeoutMs / 1000} s (server process ${pid}). If another instance is ` +
      'bringing the tables up to date, start again when it has finished. If none is, a pooler has kept the lock of an ' +
      `earlier version: run "select pg_terminate_backend(${pid})" and start again`,
  )
}
