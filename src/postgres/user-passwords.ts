import { and, eq, isNull, lt, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import type { SignInFence } from './open-session.js'
import { hotSql, hotStatement, type Runner } from './pool/connections.js'
import { users } from './schema/accounts.js'
import { changeUser } from './user-versions.js'

/**
 * The statements about a user's password and the failed attempts to sign in with it: part of the repository of users.
 */
export function userPasswordStatements(runner: Runner) {
  return {
    /** Replaces the hash with a stronger one of the same password, unless the password changed meanwhile. */
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
     * Counts an attempt to sign in before its result is known. Returns the number of consecutive attempts, or undefined
     * if the limit was reached before: then nothing is written. Concurrent attempts wait for each other, so each gets
     * its own number.
     */
    async reserveAttempt(id: string, limit: number): Promise<number | undefined> {
      const [reserved] = await runner.hot(reserveAttempt, { id, limit })
      return reserved?.failedLogins
    },

    /** Resets the count, after a success. */
    async forgetAttempts(id: string): Promise<void> {
      await runner.hot(forgetAttempts, { id })
    },

    /** Sets a new password, unless the account was disabled or is no longer in the state in which its password was verified. */
    changePassword: (id: string, verified: SignInFence, newHash: string) =>
      changeUser(
        runner,
        and(
          eq(users.id, id),
          eq(users.passwordHash, verified.passwordHash),
          eq(users.tokenVersion, verified.tokenVersion),
          isNull(users.disabledAt),
        ),
        newPassword(newHash),
      ),

    /**
     * Sets a new password without the old one, unless the account is disabled. The caller must instead use a token of
     * password_resets in the same transaction, because a change of the password deletes that token.
     */
    resetPassword: (id: string, newHash: string) =>
      changeUser(runner, and(eq(users.id, id), isNull(users.disabledAt)), newPassword(newHash)),

    /** Sets a password that must be changed at the first sign-in, whatever the current password is. */
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
