import { sql } from 'drizzle-orm'
import type { Runner } from './connections.js'

/** Any number will do, as long as no other program on this database takes it for a lock of its own. */
const ADVISORY_LOCK = 7_233_417_024

/** Lets one instance at a time clear away dead rows. */
export function cleanUpLock(runner: Runner) {
  return {
    /** Takes the lock until the transaction ends; false, without waiting, if another instance has it. */
    async take(): Promise<boolean> {
      const [row] = await runner.run(executor =>
        executor.execute<{ taken: boolean }>(sql`select pg_try_advisory_xact_lock(${ADVISORY_LOCK}) as taken`),
      )
      return row!.taken
    },
  }
}
