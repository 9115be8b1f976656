import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { ROLE } from './cluster.js'
import { readPostmaster } from './postmaster-file.js'
import { hasEnded } from './stop-server.js'

/** Enough for crash recovery, too. */
const PATIENCE_MS = 60_000
const POLL_INTERVAL_MS = 10

/**
 * Resolves when the server takes connections and our database exists; rejects when it ended instead.
 *
 * Nobody is asked at the port before the server itself says that it has it: another program may have been faster, and
 * anyone who answers there may ask for the password.
 */
export async function waitUntilReady(child: ChildProcess, data: string, url: string): Promise<void> {
  const port = Number(new URL(url).port)
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    if (hasEnded(child)) throw new Error(`it ended with ${child.signalCode ?? `code ${child.exitCode}`}.`)
    const postmaster = await readPostmaster(data)
    if (postmaster?.pid === child.pid && postmaster?.port === port && postmaster.isReady) break
    if (Date.now() > deadline) throw new Error('it did not get ready in time.')
    await sleep(POLL_INTERVAL_MS)
  }
  const sql = postgres(url.replace(/[^/]*$/, 'postgres'), { max: 1, connect_timeout: 5, onnotice: () => {} })
  try {
    const found = await sql`select 1 from pg_database where datname = ${ROLE}`
    if (found.length === 0) await sql`create database ${sql(ROLE)}`
  } finally {
    await sql.end({ timeout: 1 })
  }
}
