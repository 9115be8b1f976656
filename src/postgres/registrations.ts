import { and, eq, gt, sql } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'
import { registrations } from './schema/accounts.js'
import { seconds } from './session-facts.js'

export interface NewRegistration {
  /** The id of the account that it becomes. */
  userId: string
  /** In its normal form. */
  email: string
  passwordHash: string
  /** The first claims of the account. */
  claims: Record<string, unknown> | null
  tokenHash: Buffer
  ttlSeconds: number
}

type Taken = Pick<NewRegistration, 'email' | 'passwordHash' | 'claims'>

/** Registrations whose address has not been confirmed. */
export function registrationsRepository(runner: Runner) {
  const isValid = (userId: string, tokenHash: Buffer) =>
    and(
      eq(registrations.userId, userId),
      eq(registrations.tokenHash, tokenHash),
      gt(registrations.expiresAt, sql`now()`),
    )

  return {
    async add({ ttlSeconds, ...registration }: NewRegistration): Promise<void> {
      await runner.run(executor =>
        executor.insert(registrations).values({
          ...registration,
          createdAt: sql`now()`,
          expiresAt: sql`now() + ${seconds(ttlSeconds)}`,
        }),
      )
    },

    /** The registration with this valid token. */
    async find(userId: string, tokenHash: Buffer): Promise<{ email: string; expiresAt: Date } | undefined> {
      const [found] = await runner.run(executor =>
        executor
          .select({ email: registrations.email, expiresAt: registrations.expiresAt })
          .from(registrations)
          .where(isValid(userId, tokenHash)),
      )
      return found
    },

    /** Uses a valid token once: the registration is deleted. Undefined if the token is not valid (any more). */
    async take(userId: string, tokenHash: Buffer): Promise<Taken | undefined> {
      const { email, passwordHash, claims } = registrations
      const [taken] = await runner.run(executor =>
        executor.delete(registrations).where(isValid(userId, tokenHash)).returning({ email, passwordHash, claims }),
      )
      return taken
    },

    /** Deletes expired registrations and returns their number. */
    async removeExpired(limit: number): Promise<number> {
      const removed = await runner.run(executor =>
        executor.execute(sql`
          delete from registrations where user_id in (
            select user_id from registrations
            where expires_at <= now() order by expires_at limit ${limit} for update skip locked)`),
      )
      return removed.count
    },
  }
}
