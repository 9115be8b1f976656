import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { ROLE } from './cluster.js'
import { hasEnded } from './stop-server.js'

/** Enough for crash recovery, too. */
const PATIENCE_MS = 60_000
const POLL_INTERVAL_MS = 10

/** Resolves when a real connection was answered and our database exists; rejects when the server ended instead. */
export async function waitUntilReady(child: ChildProcess, url: string): Promise<void> {
  const maintenanceUrl = url.replace(/[^/]*$/, 'postgres')
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    if (hasEnded(child)) throw new Error(`it ended with ${child.signalCode ?? `code ${child.exitCode}`}.`)
    const sql = postgres(maintenanceUrl, { max: 1, connect_timeout: 5, onnotice: () => {} })
    try {
      const found = await sql`select 1 from pg_database where datname = ${ROLE}`
      if (found.length === 0) await sql`create database ${sql(ROLE)}`
      return
    } catch (error) {
      if (!isStillStarting(error)) throw error
      if (Date.now() > deadline) throw new Error('it did not answer in time.', { cause: error })
    } finally {
      await sql.end({ timeout: 1 })
    }
    await sleep(POLL_INTERVAL_MS)
  }
}

function isStillStarting(error: unknown): boolean {
  const code = (error as { code?: string }).code
  // 57P03: the server listens but does not admit anybody yet.
  return code === 'ECONNREFUSED' || code === 'CONNECT_TIMEOUT' || code === '57P03'
}
