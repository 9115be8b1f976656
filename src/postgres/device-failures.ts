import { eq, inArray, lt, sql } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'
import { deviceFailures } from './schema/accounts.js'
import { seconds } from './session-facts.js'

export interface DeviceAttempt {
  /** Of the browser, or of the session that asks. */
  id: string
  userId: string
  /** How many attempts it may make on locked accounts while it is known. */
  limit: number
  /** For how long it can be known; the count must outlive what the browser keeps, and the session. */
  maxAgeSeconds: number
}

/** How often known browsers and live sessions tried the password of a locked account. */
export function deviceFailuresRepository(runner: Runner) {
  return {
    /** Counts an attempt before its outcome is known. False when there were as many as there may be. */
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

    /** The row of failures of a browser or a session ends with a success. */
    async forget(id: string): Promise<void> {
      await runner.run(executor => executor.delete(deviceFailures).where(eq(deviceFailures.deviceId, id)))
    },

    /** Forgets the attempts of every browser and session of an account. */
    async forgetThoseOf(userId: string): Promise<void> {
      await runner.run(executor => executor.delete(deviceFailures).where(eq(deviceFailures.userId, userId)))
    },

    /** Removes the counts of browsers and sessions that can't be known any more; returns how many. */
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
