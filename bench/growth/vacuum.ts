import postgres from 'postgres'
import type { Bench } from '../measure/once.js'
import type { Service } from '../service/start.js'
import { type MeasuredOperation, measureOperation, type Operations } from './operations.js'
import { TABLES } from './statistics.js'

/** The speeds of VACUUM: that of autovacuum, and that of the command, which does not wait. */
const DELAYS = { 'as autovacuum': '2ms', 'at full speed': '0' }

/** Refreshes while VACUUM reads every page of the large tables, as it does to freeze their rows. */
export async function measureDuringVacuum(
  bench: Bench,
  service: Service,
  sql: postgres.Sql,
  { refresh }: Operations,
): Promise<(MeasuredOperation & { vacuum: string })[]> {
  const measured: (MeasuredOperation & { vacuum: string })[] = []
  for (const [vacuum, delay] of Object.entries(DELAYS)) {
    const stop = vacuumAgainAndAgain(service.env.DATABASE_URL!, delay)
    try {
      measured.push({ ...(await measureOperation(bench, service, sql, 'refresh', refresh)), vacuum })
    } finally {
      await stop()
    }
  }
  return measured
}

/** @returns stops it in the middle */
function vacuumAgainAndAgain(databaseUrl: string, delay: string): () => Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {}, connection: { vacuum_cost_delay: delay } })
  let isOver = false
  let running: postgres.PendingQuery<postgres.Row[]> | undefined
  async function run(): Promise<void> {
    while (!isOver)
      for (const table of TABLES) {
        running = sql.unsafe(`vacuum (freeze, disable_page_skipping) ${table}`)
        await running.catch(error => {
          if (!isOver) throw error
        })
        if (isOver) return
      }
  }
  const ran = run()
  return async () => {
    isOver = true
    running?.cancel()
    await ran
    await sql.end()
  }
}
