import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator'
import postgres from 'postgres'
import type { Log } from '../log.js'
import { type ConnectionOptions, clientOptions } from './client-options.js'
import { sessionSettings, setLocally } from './session-settings.js'

export interface MigrateOptions extends Pick<ConnectionOptions, 'url' | 'caFile'> {
  log?: Pick<Log, 'warn'>
  /** How long another instance's migration is waited for. */
  patienceMs?: number
}

const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url))

/** Any number will do, as long as no other program on this database takes it for a lock of its own. */
const ADVISORY_LOCK = 7_233_417_021

const PATIENCE_MS = 300_000
const INTERVAL_MS = 200
const REMINDER_MS = 30_000
const CONNECT_TIMEOUT_MS = 10_000

/**
 * Brings the tables up to date. Safe to call from many instances at once: one works, the others wait for it and then
 * find nothing to do. Where nothing is to do, no lock is needed, and no right to change tables.
 *
 * @throws Error that names the one that holds the lock, if that takes longer than the patience
 */
export async function migrate({ log, patienceMs = PATIENCE_MS, ...options }: MigrateOptions): Promise<void> {
  const migrations = readMigrationFiles({ migrationsFolder: MIGRATIONS_FOLDER })
  // As behind a pooler, whether there is one or not: what a migration needs it sets in its transaction.
  const clientOf = { timeoutMs: CONNECT_TIMEOUT_MS, prepare: false, applicationName: 'latchkey-migrate' }
  const client = postgres(clientOptions({ ...options, ...clientOf }))
  try {
    const begun = performance.now()
    let remindAt = begun
    while (!(await migrateUnlessLocked(client, migrations))) {
      const now = performance.now()
      if (now - begun >= patienceMs) throw await lockHeld(client, patienceMs)
      if (now >= remindAt) {
        log?.warn(`Another instance is bringing the tables up to date; waiting for it, up to ${patienceMs / 1000} s.`)
        remindAt = now + REMINDER_MS
      }
      await sleep(INTERVAL_MS)
    }
  } finally {
    await client.end({ timeout: 5 })
  }
}

/**
 * Applies what is missing in one transaction, and keeps the books as Drizzle's own migrator does, which earlier versions
 * read. Not that migrator itself: it needs a lock around its transaction, and a lock of the session stays behind on a
 * connection of a pooler.
 *
 * @returns false if another instance has the lock
 */
async function migrateUnlessLocked(client: postgres.Sql, migrations: MigrationMeta[]): Promise<boolean> {
  return client.begin('isolation level read committed', async transaction => {
    // A migration may take long, and so may the locks that it waits for.
    await transaction.unsafe(setLocally(sessionSettings(0)))
    const lastBefore = await lastApplied(transaction)
    if (lastBefore !== undefined && missingAfter(lastBefore, migrations).length === 0) return true
    const [lock] = await transaction`select pg_try_advisory_xact_lock(${ADVISORY_LOCK}) as taken`
    if (!lock!.taken) return false
    // Looked at once more: another instance may have finished before we got the lock.
    const last = (await lastApplied(transaction)) ?? (await createBooks(transaction))
    for (const migration of missingAfter(last, migrations)) {
      for (const statement of migration.sql) await transaction.unsafe(statement)
      await transaction`
        insert into drizzle.__drizzle_migrations (hash, created_at) values (${migration.hash}, ${migration.folderMillis})`
    }
    return true
  }) as Promise<boolean>
}

/** When the newest migration that was applied was made, in milliseconds; undefined if there are no books yet. */
async function lastApplied(transaction: postgres.TransactionSql): Promise<number | undefined> {
  const [books] = await transaction`select to_regclass('drizzle.__drizzle_migrations') is not null as exist`
  if (!books!.exist) return undefined
  const [last] = await transaction`select max(created_at) as made_at from drizzle.__drizzle_migrations`
  return Number(last!.made_at ?? 0)
}

async function createBooks(transaction: postgres.TransactionSql): Promise<number> {
  await transaction`create schema if not exists drizzle`
  await transaction`
    create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`
  return 0
}

function missingAfter(last: number, migrations: readonly MigrationMeta[]): MigrationMeta[] {
  return migrations.filter(({ folderMillis }) => folderMillis > last)
}

async function lockHeld(client: postgres.Sql, patienceMs: number): Promise<Error> {
  const [holder] = await client`
    select pid from pg_locks
    where locktype = 'advisory' and granted and (classid::bigint << 32) + objid::bigint = ${ADVISORY_LOCK}
      and database = (select oid from pg_database where datname = current_database())`
  const pid = holder?.pid ?? 'unknown'
  return new Error(
    `the lock for migrations was not free for ${patienceMs / 1000} s (server process ${pid}). If another instance is ` +
      'bringing the tables up to date, start again when it has finished. If none is, a pooler has kept the lock of an ' +
      `earlier version: run "select pg_terminate_backend(${pid})" and start again`,
  )
}
