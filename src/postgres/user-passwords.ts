import { and, eq, isNull, lt, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { hotSql, hotStatement, type Runner } from './pool/connections.js'
import { users } from './schema/accounts.js'
import { changeUser } from './user-versions.js'

/** The statements about a user's password and the failed attempts to sign in with it: part of the repository of users. */
export function userPasswordStatements(runner: Runner) {
  return {
    /** Replaces the hash of a password by a stronger one of the same password, unless it changed meanwhile. */
    async upgradePasswordHash(id: string, verifiedHash: string, strongerHash: string): Promise<boolean> {
      const upgraded = await runner.run(executor =>
        executor
          .update(users)
          .set({ passwordHash: strongerHash, updatedAt: sql`now()` })
          .where(and(eq(users.id, id), eq(users.passwordHash, verifiedHash)))
          .returning({ id: users.id }),
      )
      return upgraded.length === 1
    },

    /**
     * Counts an attempt on an account before its outcome is known, and returns how many there were in a row with it.
     * Undefined when there were as many as there may be: then nothing is written, however often somebody tries.
     * Attempts at the same time wait for one another here, so no two of them get the same number.
     */
    async reserveAttempt(id: string, limit: number): Promise<number | undefined> {
      const [reserved] = await runner.hot(reserveAttempt, { id, limit })
      return reserved?.failedLogins
    },

    /** The row of failures ends with a success. */
    async forgetAttempts(id: string): Promise<void> {
      await runner.hot(forgetAttempts, { id })
    },

    /** Sets a new password, unless the one that was verified is not the current one any more. */
    changePassword: (id: string, verifiedHash: string, newHash: string) =>
      changeUser(
        runner,
        and(eq(users.id, id), eq(users.passwordHash, verifiedHash), isNull(users.disabledAt)),
        newPassword(newHash),
      ),

    /**
     * Sets a new password without the old one, unless the account is disabled. Code that does it must have something else
     * that ends when the password changes: a token of password_resets, taken in the same transaction.
     */
    resetPassword: (id: string, newHash: string) =>
      changeUser(runner, and(eq(users.id, id), isNull(users.disabledAt)), newPassword(newHash)),

    /** Sets a password that must be changed at the first sign-in with it, whatever the password was. */
    setTemporaryPassword: (id: string, passwordHash: string) =>
      changeUser(runner, eq(users.id, id), {
        passwordHash,
        passwordChangedAt: sql`now()`,
        mustChangePassword: true,
        failedLogins: 0,
      }),
  }
}

const reserveAttempt = hotStatement<{ id: string; limit: number }, { failedLogins: number }>(
  'reserve_attempt',
  executor =>
    executor
      .update(users)
      .set({ failedLogins: sql`${users.failedLogins} + 1` })
      .where(and(eq(users.id, sql.placeholder('id')), lt(users.failedLogins, sql.placeholder('limit'))))
      .returning({ failedLogins: users.failedLogins })
      .prepare('reserve_attempt'),
)

const forgetAttempts = hotSql<{ id: string }, never>(
  'forget_attempts',
  sql`update users set failed_logins = 0 where id = ${sql.placeholder('id')} and failed_logins > 0`,
)

function newPassword(hash: string): PgUpdateSetSource<typeof users> {
  return { passwordHash: hash, passwordChangedAt: sql`now()`, mustChangePassword: false, failedLogins: 0 }
}
