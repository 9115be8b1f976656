import { cleanUp } from '../../src/domain/maintenance.js'
import { openDatabase } from '../../src/postgres/database.js'
import { cpuSeconds } from '../measure/processes.js'
import { EXPIRED_SESSIONS } from './fill.js'

const DAY_SECONDS = 86_400

/** The clean-up of all expired sessions, each of which gets an event. */
export interface CleanUp {
  sessions: number
  seconds: number
  /** CPU time of Postgres for each session. */
  postgresMicroseconds: number
}

/** Runs the clean-up of the service, with its batches and pauses. */
export async function measureCleanUp(databaseUrl: string, postgresPid: number): Promise<CleanUp> {
  const db = openDatabase({ url: databaseUrl, prepare: true, caFile: undefined, timeoutMs: 600_000, size: 1 })
  try {
    const cpuBefore = cpuSeconds(postgresPid)
    const begunAt = performance.now()
    const { sessions } = await cleanUp(db, {
      sessionMaxAgeSeconds: 30 * DAY_SECONDS,
      eventRetentionSeconds: 90 * DAY_SECONDS,
    })
    const seconds = (performance.now() - begunAt) / 1000
    const cpu = cpuSeconds(postgresPid) - cpuBefore
    if (sessions !== EXPIRED_SESSIONS) throw new Error(`the clean-up deleted ${sessions} sessions`)
    return { sessions, seconds, postgresMicroseconds: (cpu * 1e6) / sessions }
  } finally {
    await db.close()
  }
}
