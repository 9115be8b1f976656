import type postgres from 'postgres'
import type { Bench } from '../measure/once.js'
import type { Service } from '../service/start.js'
import { type MeasuredOperation, measureOperation, type Operations } from './operations.js'
import { sizeOf } from './statistics.js'

/** How the table of refresh tokens grows while they are rotated at full rate. */
export interface LongRun extends MeasuredOperation {
  seconds: number
  rotations: number
  hotPart: number
  heapGrowth: number
  indexGrowth: number
  logBytes: number
}

export async function rotateFor(
  seconds: number,
  bench: Bench,
  service: Service,
  sql: postgres.Sql,
  { refresh }: Operations,
): Promise<LongRun> {
  const form = { ...bench.form, seconds, warmUpSeconds: 0, openLoop: false }
  const size = await sizeOf(sql, 'refresh_tokens')
  const measured = await measureOperation({ ...bench, form }, service, sql, 'refresh', refresh)
  const { updates, hotUpdates, walBytes } = measured.counted
  const grown = await sizeOf(sql, 'refresh_tokens')
  return {
    ...measured,
    seconds,
    rotations: updates,
    hotPart: hotUpdates / updates,
    heapGrowth: grown.heap - size.heap,
    indexGrowth: grown.indexes - size.indexes,
    logBytes: walBytes,
  }
}
