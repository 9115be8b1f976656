import { sql } from 'drizzle-orm'
import type { Runner } from './connections.js'
import { realm } from './schema.js'

export type Realm = ReturnType<typeof realmRepository>

/** From when on what was issued counts. */
export function realmRepository(runner: Runner) {
  return {
    /** Makes everything issued until now dead; returns the bound in whole seconds, rounded up. */
    async endEverything(): Promise<number> {
      const [row] = await runner.run(executor =>
        executor
          .update(realm)
          .set({
            // Above every iat that was given out: those of changed users may be ahead of the clock.
            notBefore: sql`greatest(date_trunc('second', now()), ${realm.notBefore},
              (select max(tokens_not_before) from users where tokens_not_before > 'epoch')) + interval '1 second'`,
          })
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
