import { eq, inArray, lt, sql } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'
import { deviceFailures } from './schema/accounts.js'
import { seconds } from './session-facts.js'

export interface DeviceAttempt {
  /** The id of the browser, or of the session. */
  id: string
  userId: string
  /** The largest number of attempts on a locked account. */
  limit: number
  /** How long the count is kept: at least as long as the browser's cookie and the session. */
  maxAgeSeconds: number
}

/** Counts the attempts of known browsers and live sessions to sign in to a locked account. */
export function deviceFailuresRepository(runner: Runner) {
  return {
    /** Counts an attempt before its result is known. Returns false if the limit was reached before. */
    async reserveAttempt({ id, userId, limit, maxAgeSeconds }: DeviceAttempt): Promise<boolean> {
      const reserved = await runner.run(executor =>
        executor
          .insert(deviceFailures)
          .values({ deviceId: id, userId, attempts: 1, expiresAt: sql`now() + ${seconds(maxAgeSeconds)}` })
          .onConflictDoUpdate({
            target: deviceFailures.deviceId,
            set: { attempts: sql`${deviceFailures.attempts} + 1` },
            setWhere: lt(deviceFailures.attempts, limit),
          })
          .returning({ attempts: deviceFailures.attempts }),
      )
      return reserved.length === 1
    },

    /** Deletes the count of a browser or a session, after a success. */
    async forget(id: string): Promise<void> {
      await runner.run(executor => executor.delete(deviceFailures).where(eq(deviceFailures.deviceId, id)))
    },

    /** Deletes the counts of every browser and session for an account. */
    async forgetThoseOf(userId: string): Promise<void> {
      await runner.run(executor => executor.delete(deviceFailures).where(eq(deviceFailures.userId, userId)))
    },

    /** Deletes expired counts and returns their number. */
    async removeExpired(limit: number): Promise<number> {
      const removed = await runner.run(executor =>
        executor
          .delete(deviceFailures)
          .where(
            inArray(
              deviceFailures.deviceId,
              executor
                .select({ id: deviceFailures.deviceId })
                .from(deviceFailures)
                .where(lt(deviceFailures.expiresAt, sql`now()`))
                .limit(limit)
                .for('update', { skipLocked: true }),
            ),
          )
          .returning({ id: deviceFailures.deviceId }),
      )
      return removed.length
    },
  }
}
