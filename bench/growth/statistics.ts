import { setTimeout as sleep } from 'node:timers/promises'
import type postgres from 'postgres'

/** The tables that grow with the sessions. */
export const TABLES = ['sessions', 'refresh_tokens', 'users'] as const
export type Table = (typeof TABLES)[number]

/** What Postgres has counted so far. */
export interface Counters {
  walBytes: number
  /** Images of whole pages in the log: one for each page that changes for the first time after a checkpoint. */
  walImages: number
  walSyncs: number
  updates: number
  hotUpdates: number
  heapReads: number
  heapHits: number
  indexReads: number
  indexHits: number
}

/** Each connection reports what it counted once a second at most, and the rest when it has been idle for ten seconds. */
const REPORT_DELAY_MS = { most: 1500, all: 11_000 }

/**
 * The counters of Postgres; updates are those of `refresh_tokens`, reads and hits those of {@link TABLES}.
 *
 * @param precision - whether the last second before the call may be missing. It is never missing in `walBytes`
 */
export async function readCounters(sql: postgres.Sql, precision: keyof typeof REPORT_DELAY_MS): Promise<Counters> {
  const [log] = await sql`select pg_current_wal_lsn() - '0/0' as bytes`
  await sleep(REPORT_DELAY_MS[precision])
  const [wal] = await sql`
    select wal_fpi, (select sum(fsyncs) from pg_stat_io where object = 'wal') as syncs from pg_stat_wal`
  const [updates] = await sql`
    select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = 'refresh_tokens'`
  const [io] = await sql`
    select sum(heap_blks_read) as heap_reads, sum(heap_blks_hit) as heap_hits, sum(idx_blks_read) as index_reads,
      sum(idx_blks_hit) as index_hits
    from pg_statio_user_tables where relname in ${sql(TABLES)}`
  return {
    walBytes: Number(log!.bytes),
    walImages: Number(wal!.wal_fpi),
    walSyncs: Number(wal!.syncs),
    updates: Number(updates!.n_tup_upd),
    hotUpdates: Number(updates!.n_tup_hot_upd),
    heapReads: Number(io!.heap_reads),
    heapHits: Number(io!.heap_hits),
    indexReads: Number(io!.index_reads),
    indexHits: Number(io!.index_hits),
  }
}

export function difference(before: Counters, after: Counters): Counters {
  const entries = Object.entries(after).map(([name, value]) => [name, value - before[name as keyof Counters]])
  return Object.fromEntries(entries) as unknown as Counters
}

/** Bytes of a table and of its indexes. */
export interface Size {
  heap: number
  indexes: number
  total: number
}

export async function sizeOf(sql: postgres.Sql, table: string): Promise<Size> {
  const [row] = await sql`
    select pg_relation_size(oid) as heap, pg_indexes_size(oid) as indexes, pg_total_relation_size(oid) as total
    from pg_class where oid = ${table}::regclass`
  return { heap: Number(row!.heap), indexes: Number(row!.indexes), total: Number(row!.total) }
}
