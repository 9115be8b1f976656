import { and, eq, lt, type SQL, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import type { Runner } from './pool/connections.js'
import { users } from './schema/accounts.js'
import { wholeSeconds } from './session-facts.js'

/** The statements about token_version, the roles and roles_version: part of the repository of users. */
export function userVersionStatements(runner: Runner) {
  return {
    /** Makes everything that was signed in before outdated, and says by which version. */
    raiseTokenVersion: (id: string) => changeUser(runner, eq(users.id, id), {}),

    /** Raises it at least to this version; false when it was there, or the user is gone. */
    async raiseTokenVersionTo(id: string, version: number): Promise<boolean> {
      const raised = await runner.run(executor =>
        executor
          .update(users)
          .set({ tokenVersion: version, updatedAt: sql`now()` })
          .where(and(eq(users.id, id), lt(users.tokenVersion, version)))
          .returning({ id: users.id }),
      )
      return raised.length === 1
    },

    /** Sets the roles of a user whose row is held. Access tokens of a roles_version below the one returned are stale. */
    async setRoles(id: string, roles: readonly string[]): Promise<{ rolesVersion: number; changedAt: number }> {
      const [changed] = await runner.run(executor =>
        executor
          .update(users)
          .set({ roles: [...roles], rolesVersion: sql`${users.rolesVersion} + 1`, updatedAt: sql`now()` })
          .where(eq(users.id, id))
          .returning({ rolesVersion: users.rolesVersion, changedAt: wholeSeconds(sql`clock_timestamp()`) }),
      )
      return changed!
    },

    /** Raises the roles_version at least to this one. */
    async raiseRolesVersionTo(id: string, version: number): Promise<void> {
      await runner.run(executor =>
        executor
          .update(users)
          .set({ rolesVersion: version })
          .where(and(eq(users.id, id), lt(users.rolesVersion, version))),
      )
    },

    /**
     * Makes everything outdated that users of a role signed in to before, for so many of them behind an id, in the order
     * of their ids.
     */
    async raiseTokenVersionsOfRole(role: string, afterId: string, limit: number) {
      const raised = await runner.run(executor =>
        executor
          .update(users)
          .set({ tokenVersion: sql`${users.tokenVersion} + 1`, updatedAt: sql`now()` })
          .where(
            sql`${users.id} in (
              select id from users where id > ${afterId}::uuid and ${role} = any(roles) order by id limit ${limit}
              for no key update)`,
          )
          .returning({ id: users.id, tokenVersion: users.tokenVersion }),
      )
      return raised.sort((a, b) => (a.id < b.id ? -1 : 1))
    },

    /**
     * Holds a user to a role until the commit, for what only users of this role may do: their roles can't change meanwhile.
     *
     * @returns false if they do not have it now, are disabled or gone, or if their sessions of this version have ended
     */
    async holdToRole(id: string, role: string, tokenVersion: number): Promise<boolean> {
      const held = await runner.run(executor =>
        executor.execute(sql`
          select id from users
          where id = ${id} and disabled_at is null and token_version = ${tokenVersion} and ${role} = any(roles)
          for no key update`),
      )
      return held.length === 1
    },
  }
}

/** Every change raises token_version, so that what was signed in before it is outdated. */
export async function changeUser(runner: Runner, condition: SQL | undefined, values: PgUpdateSetSource<typeof users>) {
  const [changed] = await runner.run(executor =>
    executor
      .update(users)
      .set({ ...values, tokenVersion: sql`${users.tokenVersion} + 1`, updatedAt: sql`now()` })
      .where(condition)
      .returning({ id: users.id, tokenVersion: users.tokenVersion }),
  )
  return changed
}
