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

/** The tokens with which users may set a new password. The caller of what takes one away holds the user's row. */
export function passwordResetsRepository(runner: Runner) {
  const alive = (userId: string, tokenHash: Buffer) =>
    and(
      eq(passwordResets.userId, userId),
      eq(passwordResets.tokenHash, tokenHash),
      gt(passwordResets.expiresAt, sql`now()`),
    )

  return {
    /**
     * Keeps a token in place of the one that the user had, and says when it expires. Undefined when the account is
     * disabled or gone: its row is held, so that this is not undone by somebody who disables it meanwhile.
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

    /** Whose live token this is, unless their account is disabled. */
    async findUser(userId: string, tokenHash: Buffer): Promise<{ id: string; email: string } | undefined> {
      const [user] = await runner.run(executor =>
        executor
          .select({ id: users.id, email: users.email })
          .from(passwordResets)
          .innerJoin(users, eq(users.id, passwordResets.userId))
          .where(and(alive(userId, tokenHash), isNull(users.disabledAt))),
      )
      return user
    },

    /** Uses a live token up; false when it was used, replaced or has expired. */
    async take(userId: string, tokenHash: Buffer): Promise<boolean> {
      const taken = await runner.run(executor =>
        executor.delete(passwordResets).where(alive(userId, tokenHash)).returning({ userId: passwordResets.userId }),
      )
      return taken.length === 1
    },

    /** Takes back what was issued to a user. */
    async removeOf(userId: string): Promise<void> {
      await runner.run(executor => executor.delete(passwordResets).where(eq(passwordResets.userId, userId)))
    },

    /** Removes tokens that have expired; returns how many. */
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
