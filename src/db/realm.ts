import { sql } from 'drizzle-orm'
import type { Runner } from './connections.js'
import { realm } from './schema.js'

export type Realm = ReturnType<typeof realmRepository>

/** From when on what was issued counts. */
export function realmRepository(runner: Runner) {
  return {
    /**
     * Makes everything issued until now dead, or until an instant before (seconds since the epoch); returns the bound in
     * whole seconds, rounded up.
     */
    async endEverything(until?: number): Promise<number> {
      // Above every iat that was given out: those of changed users may be ahead of the clock.
      const now = sql`greatest(date_trunc('second', now()), ${realm.notBefore},
        (select max(tokens_not_before) from users where tokens_not_before > 'epoch')) + interval '1 second'`
      const earlier = sql`greatest(${realm.notBefore}, to_timestamp(ceil(${until ?? 0}::float8)))`
      const [row] = await runner.run(executor =>
        executor
          .update(realm)
          .set({ notBefore: until === undefined ? now : sql`least(${now}, ${earlier})` })
          .returning({ before: sql<number>`extract(epoch from ${realm.notBefore})::float8` }),
      )
      return row!.before
    },

    /** Raises the bound to this instant (whole seconds since the epoch), unless it is higher already. */
    async raiseNotBefore(before: number): Promise<void> {
      await runner.run(executor =>
        executor.update(realm).set({ notBefore: sql`greatest(${realm.notBefore}, to_timestamp(${before}::float8))` }),
      )
    },
  }
}
