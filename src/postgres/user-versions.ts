import { and, eq, lt, type SQL, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import type { Runner } from './pool/connections.js'
import { users } from './schema/accounts.js'
import { wholeSeconds } from './session-facts.js'

/** The statements about token_version, the roles, the claims and roles_version: part of the repository of users. */
export function userVersionStatements(runner: Runner) {
  return {
    /** Raises the token_version, which ends all sessions of the user. Returns the new version. */
    raiseTokenVersion: (id: string) => changeUser(runner, eq(users.id, id), {}),

    /**
     * Raises the token_version to at least this one. Returns false if it was as high already, or the user does not
     * exist.
     */
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

    /**
     * Sets the roles of a user whose row is locked. Access tokens with a roles_version below the returned one are
     * stale.
     */
    async setRoles(id: string, roles: readonly string[]): Promise<NewRolesVersion> {
      const [changed] = await runner.run(executor =>
        executor
          .update(users)
          .set({ roles: [...roles], ...nextRolesVersion() })
          .where(eq(users.id, id))
          .returning(newRolesVersion()),
      )
      return changed!
    },

    /**
     * Sets the claims of a user whose row is locked; null for none. Access tokens with a roles_version below the returned
     * one are stale.
     */
    async setClaims(id: string, claims: Record<string, unknown> | null): Promise<NewRolesVersion> {
      const [changed] = await runner.run(executor =>
        executor
          .update(users)
          .set({ claims, ...nextRolesVersion() })
          .where(eq(users.id, id))
          .returning(newRolesVersion()),
      )
      return changed!
    },

    /** Raises the roles_version to at least this one. */
    async raiseRolesVersionTo(id: string, version: number): Promise<void> {
      await runner.run(executor =>
        executor
          .update(users)
          .set({ rolesVersion: version })
          .where(and(eq(users.id, id), lt(users.rolesVersion, version))),
      )
    },

    /**
     * Raises the token_version of at most `limit` users who have the role, with ids above `afterId`, in the order of
     * their ids.
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
     * Locks a user who has the role, so that the role cannot be removed before the commit.
     *
     * @returns false if the user does not have the role, is disabled or does not exist, or if sessions of this version
     *   ended
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

export interface NewRolesVersion {
  rolesVersion: number
  /** By the clock, in whole seconds since the epoch. */
  changedAt: number
}

function nextRolesVersion() {
  return { rolesVersion: sql`${users.rolesVersion} + 1`, updatedAt: sql`now()` }
}

function newRolesVersion() {
  return { rolesVersion: users.rolesVersion, changedAt: wholeSeconds(sql`clock_timestamp()`) }
}

/** Changes a user and raises the token_version, which ends all sessions of the user. */
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
