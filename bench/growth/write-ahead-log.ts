import type postgres from 'postgres'
import type { Operations } from './operations.js'
import { difference, readCounters } from './statistics.js'

/** What an operation writes to the log of Postgres. */
export interface LogOfOperation {
  operation: string
  bytes: number
  images: number
  syncs: number
}

/**
 * The sessions of the load are rotated after a checkpoint, when the log gets an image of each page that changes for the first
 * time, and again, when it does not. The requests come over 20 connections, some of which share a commit.
 */
export async function measureLog(sql: postgres.Sql, operations: Operations): Promise<LogOfOperation[]> {
  const measured: LogOfOperation[] = []
  let before = await readCounters(sql, 'all')
  async function measure(operation: string, work: () => Promise<number>): Promise<void> {
    const count = await work()
    const after = await readCounters(sql, 'all')
    const { walBytes, walImages, walSyncs } = difference(before, after)
    before = after
    measured.push({ operation, bytes: walBytes / count, images: walImages / count, syncs: walSyncs / count })
  }
  const { refreshEachOnce, signSomeIn, revokeSome } = operations
  await sql`checkpoint`
  await measure('refresh, the first of the session after a checkpoint', refreshEachOnce)
  await measure('refresh, a later one', refreshEachOnce)
  await compress(sql, 'on')
  await sql`checkpoint`
  await measure('refresh, the first after a checkpoint, `wal_compression = on`', refreshEachOnce)
  await compress(sql, 'off')
  await sql`checkpoint`
  await measure('sign-in, the first of the user after a checkpoint', signSomeIn)
  await measure('sign-in, a later one', signSomeIn)
  await sql`checkpoint`
  await measure('revocation of a session after a checkpoint', revokeSome)
  return measured
}

async function compress(sql: postgres.Sql, value: 'on' | 'off'): Promise<void> {
  await sql.unsafe(`alter system set wal_compression = ${value}`)
  await sql`select pg_reload_conf()`
}
