import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { type ConnectionOptions, clientOptions } from './client-options.js'

const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url))

/** Any number will do, as long as no other program on this database takes it for a lock of its own. */
const ADVISORY_LOCK = 7_233_417_021

/**
 * Brings the tables up to date. Safe to call from many instances at once: one works, the others wait for it and then
 * find nothing to do. The lock is taken before anything is read, on the one connection that migrates.
 */
export async function migrate(options: Omit<ConnectionOptions, 'timeoutMs' | 'prepare'>): Promise<void> {
  const client = postgres(options.url, {
    ...clientOptions({ ...options, timeoutMs: 10_000, prepare: false, applicationName: 'latchkey-migrate' }),
    // A migration may take long, and so may waiting for another instance's.
    connection: { application_name: 'latchkey-migrate', statement_timeout: 0, idle_in_transaction_session_timeout: 0 },
  })
  try {
    await client`select pg_advisory_lock(${ADVISORY_LOCK})`
    await applyMigrations(drizzle(client), { migrationsFolder: MIGRATIONS_FOLDER })
  } finally {
    // Ending the connection frees the lock.
    await client.end({ timeout: 5 })
  }
}
