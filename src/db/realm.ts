import { lt, sql } from 'drizzle-orm'
import type { Runner } from './connections.js'
import { realm } from './schema.js'

export type Realm = ReturnType<typeof realmRepository>

/** From when on what was issued counts. */
export function realmRepository(runner: Runner) {
  /** False when it was as high already. */
  async function raise(before: number): Promise<boolean> {
    const bound = sql`to_timestamp(${before}::float8)`
    const raised = await runner.run(executor =>
      executor.update(realm).set({ notBefore: bound }).where(lt(realm.notBefore, bound)).returning({ id: realm.id }),
    )
    return raised.length === 1
  }

  return {
    /**
     * Ends every session that began until now, or until an earlier instant (seconds since the epoch). Call it in a
     * transaction of its own: it waits for the end of the current second, because tokens say in whole seconds when their
     * session began. So the bound is never ahead of the clock, and what begins after the commit is never refused.
     *
     * @returns the bound, in whole seconds since the epoch; undefined if an earlier call ended all of that already
     */
    async endEverything(until?: number): Promise<number | undefined> {
      // The clock is read when the row is held: an instant of before the wait for it would spare what began meanwhile.
      await runner.run(executor => executor.select().from(realm).for('no key update'))
      const [row] = await runner.run(executor =>
        executor.execute<{ before: number }>(
          sql`select least(ceil(extract(epoch from clock_timestamp())), ceil(${until ?? null}::float8))::float8 as before`,
        ),
      )
      const { before } = row!
      await runner.run(executor =>
        executor.execute(sql`select pg_sleep(greatest(0, ${before}::float8 - extract(epoch from clock_timestamp())))`),
      )
      return (await raise(before)) ? before : undefined
    },

    /** Raises the bound to this instant (whole seconds since the epoch), unless it is higher already. */
    async raiseNotBefore(before: number): Promise<void> {
      await raise(before)
    },
  }
}
