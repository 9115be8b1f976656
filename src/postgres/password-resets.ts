import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'
import { passwordResets, users } from './schema/accounts.js'
import { seconds } from './session-facts.js'

export interface NewPasswordReset {
  userId: string
  tokenHash: Buffer
  ttlSeconds: number
}

export type PasswordResets = ReturnType<typeof passwordResetsRepository>

/** The tokens with which users can set a new password. Code that uses or removes one has locked the user's row. */
export function passwordResetsRepository(runner: Runner) {
  const isValid = (userId: string, tokenHash: Buffer) =>
    and(
      eq(passwordResets.userId, userId),
      eq(passwordResets.tokenHash, tokenHash),
      gt(passwordResets.expiresAt, sql`now()`),
    )

  return {
    /**
     * Stores a token, which replaces the user's previous one, and returns when it expires. Undefined if the account
     * does not exist or is disabled: its row is locked, so that it cannot be disabled at the same time.
     */
    async issue({ userId, tokenHash, ttlSeconds }: NewPasswordReset): Promise<Date | undefined> {
      const [issued] = await runner.run(executor =>
        executor.execute<{ expires_at: Date | string }>(sql`
          with account as (
            select id from users where id = ${userId} and disabled_at is null for no key update
          )
          insert into password_resets (user_id, token_hash, created_at, expires_at)
          select account.id, ${tokenHash}, now(), now() + ${seconds(ttlSeconds)} from account
          on conflict (user_id) do update
          set token_hash = excluded.token_hash, created_at = excluded.created_at, expires_at = excluded.expires_at
          returning expires_at`),
      )
      return issued && new Date(issued.expires_at)
    },

    /** The user that has this valid token, and when it expires; undefined if the account is disabled. */
    async findUser(
      userId: string,
      tokenHash: Buffer,
    ): Promise<{ id: string; email: string; expiresAt: Date } | undefined> {
      const [user] = await runner.run(executor =>
        executor
          .select({ id: users.id, email: users.email, expiresAt: passwordResets.expiresAt })
          .from(passwordResets)
          .innerJoin(users, eq(users.id, passwordResets.userId))
          .where(and(isValid(userId, tokenHash), isNull(users.disabledAt))),
      )
      return user
    },

    /** Uses a valid token once. Returns false if it was used or replaced, or has expired. */
    async take(userId: string, tokenHash: Buffer): Promise<boolean> {
      const taken = await runner.run(executor =>
        executor.delete(passwordResets).where(isValid(userId, tokenHash)).returning({ userId: passwordResets.userId }),
      )
      return taken.length === 1
    },

    /** Deletes the token of a user. */
    async removeOf(userId: string): Promise<void> {
      await runner.run(executor => executor.delete(passwordResets).where(eq(passwordResets.userId, userId)))
    },

    /** Deletes expired tokens and returns their number. */
    async removeExpired(limit: number): Promise<number> {
      const removed = await runner.run(executor =>
        executor.execute(sql`
          delete from password_resets where user_id in (
            select user_id from password_resets where expires_at <= now() limit ${limit} for update skip locked)`),
      )
      return removed.count
    },
  }
}
