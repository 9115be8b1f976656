import { ADMIN_ROLE } from '@latchkey/verifier/core'
import { and, eq, isNull, sql } from 'drizzle-orm'
import type { SignInFence } from './open-session.js'
import type { Runner } from './pool/connections.js'
import { users } from './schema/accounts.js'
import { seconds } from './session-facts.js'

/** The statements about deletions that owners of accounts ask for: part of the repository of users. */
export function userDeletionStatements(runner: Runner) {
  return {
    /** Plans the deletion of an account whose row is locked, and raises its token_version, which ends all its sessions. */
    async requestDeletion(id: string, delaySeconds: number): Promise<{ tokenVersion: number; deleteAt: Date }> {
      const [changed] = await runner.run(executor =>
        executor
          .update(users)
          .set({
            deleteAt: sql`now() + ${seconds(delaySeconds)}`,
            tokenVersion: sql`${users.tokenVersion} + 1`,
            updatedAt: sql`now()`,
          })
          .where(eq(users.id, id))
          .returning({ tokenVersion: users.tokenVersion, deleteAt: users.deleteAt }),
      )
      return { tokenVersion: changed!.tokenVersion, deleteAt: changed!.deleteAt! }
    },

    /**
     * Cancels the deletion of an account. Returns false if none is pending.
     *
     * @param fence if given, or null, this is for a sign-in: then also false if the account is disabled, or is no longer
     *   in this state
     */
    async cancelDeletion(id: string, fence?: SignInFence | null): Promise<boolean> {
      const cancelled = await runner.run(executor =>
        executor
          .update(users)
          .set({ deleteAt: null, updatedAt: sql`now()` })
          .where(
            and(
              eq(users.id, id),
              sql`${users.deleteAt} is not null`,
              fence === undefined ? undefined : isNull(users.disabledAt),
              fence ? eq(users.tokenVersion, fence.tokenVersion) : undefined,
              fence ? eq(users.passwordHash, fence.passwordHash) : undefined,
            ),
          )
          .returning({ id: users.id }),
      )
      return cancelled.length === 1
    },

    /**
     * Locks at most `limit` accounts whose deletion is due, and raises their token_version. It waits for nobody: an account
     * that another transaction has locked is left for the next time. Postgres checks the condition again on each row that
     * it locks, so an account whose deletion was cancelled at the same time is not among them. Nor is one that became an
     * administrator meanwhile, which might be the only one.
     */
    takeDue: (limit: number): Promise<{ id: string; tokenVersion: number }[]> =>
      runner.run(executor =>
        executor
          .update(users)
          .set({ tokenVersion: sql`${users.tokenVersion} + 1`, updatedAt: sql`now()` })
          .where(
            sql`${users.id} in (
              select id from users where delete_at <= now() and ${ADMIN_ROLE} <> all(roles) order by delete_at limit ${limit}
              for no key update skip locked)`,
          )
          .returning({ id: users.id, tokenVersion: users.tokenVersion }),
      ),
  }
}
