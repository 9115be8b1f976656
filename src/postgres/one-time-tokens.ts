import { and, eq, gt, inArray, sql } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'
import { oneTimeTokens } from './schema/accounts.js'
import { seconds } from './session-facts.js'

/** What a one-time token is for. Those for a new password are in password_resets, which earlier versions use too. */
export type StoredPurpose = 'verify_email' | 'confirm_email' | 'undo_email' | 'not_me'

export interface TokenReference {
  userId: string
  purpose: StoredPurpose
  tokenHash: Buffer
}

export interface NewOneTimeToken extends TokenReference {
  /** The address that it is sent to, in its normal form. */
  email: string
  ttlSeconds: number
}

/** The one-time tokens of letters. */
export function oneTimeTokensRepository(runner: Runner) {
  const isValid = ({ userId, purpose, tokenHash }: TokenReference) =>
    and(
      eq(oneTimeTokens.userId, userId),
      eq(oneTimeTokens.purpose, purpose),
      eq(oneTimeTokens.tokenHash, tokenHash),
      gt(oneTimeTokens.expiresAt, sql`now()`),
    )

  return {
    /** Stores a token, which replaces an earlier one with the same purpose, user and address. */
    async issue({ userId, purpose, email, tokenHash, ttlSeconds }: NewOneTimeToken): Promise<void> {
      await runner.run(executor =>
        executor.execute(sql`
          insert into one_time_tokens (user_id, purpose, email, token_hash, created_at, expires_at)
          values (${userId}, ${purpose}, ${email}, ${tokenHash}, now(), now() + ${seconds(ttlSeconds)})
          on conflict (user_id, purpose, email) do update
          set token_hash = excluded.token_hash, created_at = excluded.created_at, expires_at = excluded.expires_at`),
      )
    },

    /** Whether an account can have this address again, because a change of it can be undone. */
    async canReturn(email: string): Promise<boolean> {
      const [row] = await runner.run(executor =>
        executor.execute<{ reserved: boolean }>(sql`
          select exists (select from one_time_tokens
            where purpose = 'undo_email' and email = ${email} and expires_at > now()) as reserved`),
      )
      return row!.reserved
    },

    /** The address that a valid token was sent to, and when it expires. */
    async find(token: TokenReference): Promise<{ email: string; expiresAt: Date } | undefined> {
      const [found] = await runner.run(executor =>
        executor
          .select({ email: oneTimeTokens.email, expiresAt: oneTimeTokens.expiresAt })
          .from(oneTimeTokens)
          .where(isValid(token)),
      )
      return found
    },

    /** Uses a valid token once, and returns the address that it was sent to. Undefined if it is not valid (any more). */
    async take(token: TokenReference): Promise<{ email: string; createdAt: Date } | undefined> {
      const [taken] = await runner.run(executor =>
        executor
          .delete(oneTimeTokens)
          .where(isValid(token))
          .returning({ email: oneTimeTokens.email, createdAt: oneTimeTokens.createdAt }),
      )
      return taken
    },

    /** Deletes the tokens of a user with these purposes, or those of them that were issued after an instant. */
    async removeOf(userId: string, purposes: readonly StoredPurpose[], after?: Date): Promise<void> {
      await runner.run(executor =>
        executor
          .delete(oneTimeTokens)
          .where(
            and(
              eq(oneTimeTokens.userId, userId),
              inArray(oneTimeTokens.purpose, [...purposes]),
              after && gt(oneTimeTokens.createdAt, after),
            ),
          ),
      )
    },

    /** Deletes expired tokens and returns their number. */
    async removeExpired(limit: number): Promise<number> {
      const removed = await runner.run(executor =>
        executor.execute(sql`
          delete from one_time_tokens where (user_id, purpose, email) in (
            select user_id, purpose, email from one_time_tokens
            where expires_at <= now() order by expires_at limit ${limit} for update skip locked)`),
      )
      return removed.count
    },
  }
}
