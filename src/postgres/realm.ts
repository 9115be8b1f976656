import { lt, sql } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'
import { realm } from './schema/revocations.js'

export type Realm = ReturnType<typeof realmRepository>

/** The instant before which every session and token is invalid. */
export function realmRepository(runner: Runner) {
  /** Returns false if it was already as high. */
  async function raise(before: number): Promise<boolean> {
    const bound = sql`to_timestamp(${before}::float8)`
    const raised = await runner.run(executor =>
      executor.update(realm).set({ notBefore: bound }).where(lt(realm.notBefore, bound)).returning({ id: realm.id }),
    )
    return raised.length === 1
  }

  return {
    /** The database's clock, in seconds since the epoch. */
    async now(): Promise<number> {
      const [row] = await runner.run(executor =>
        executor.execute<{ now: number }>(sql`select extract(epoch from clock_timestamp())::float8 as now`),
      )
      return row!.now
    },

    /**
     * Ends every session that began before the second in which the row is locked, or before an earlier instant. The
     * clock is read after the row is locked: an instant from before the wait would leave out sessions that began during
     * it.
     *
     * @param bound a whole second since the epoch that is not in the future
     * @param until ends only sessions that began before this instant (seconds since the epoch)
     * @returns the new bound, a whole second since the epoch; undefined if an earlier call has ended all these sessions
     */
    async endEverything(bound: number, until?: number): Promise<number | undefined> {
      await runner.run(executor => executor.select().from(realm).for('no key update'))
      const [row] = await runner.run(executor =>
        executor.execute<{ before: number }>(sql`
          select greatest(${bound}::float8,
            least(floor(extract(epoch from clock_timestamp())), ceil(${until ?? null}::float8)))::float8 as before`),
      )
      const { before } = row!
      return (await raise(before)) ? before : undefined
    },

    /** Raises the bound to this instant (whole seconds since the epoch), unless it is higher already. */
    async raiseNotBefore(before: number): Promise<void> {
      await raise(before)
    },
  }
}
