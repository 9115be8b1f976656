import { and, desc, eq, gt, isNull, ne, or, sql } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'
import { signingKeys } from './schema/signing-keys.js'

export type SigningKeyRow = typeof signingKeys.$inferSelect
export type NewSigningKey = Pick<SigningKeyRow, 'kid' | 'alg' | 'publicJwk' | 'sealedPrivateKey'>
export type SigningKeys = ReturnType<typeof signingKeysRepository>

/** Any number that no other program uses as an advisory lock in this database. */
const ADVISORY_LOCK = 7_233_417_022

// Keys of the same microsecond are sorted by kid, so that all instances use the same order.
const newestFirst = [desc(signingKeys.createdAt), desc(signingKeys.kid)]

/** The keys that sign access tokens. Their instants are compared with the database's clock. */
export function signingKeysRepository(runner: Runner) {
  return {
    /** Makes every other instance that creates a key wait until the transaction ends. */
    async lock(): Promise<void> {
      await runner.run(db => db.execute(sql`select pg_advisory_xact_lock(${ADVISORY_LOCK})`))
    },

    /** Every key in the table, the newest first. */
    all(): Promise<SigningKeyRow[]> {
      return runner.run(db =>
        db
          .select()
          .from(signingKeys)
          .orderBy(...newestFirst),
      )
    },

    /** The keys that verify tokens, the newest first: neither revoked nor retired. */
    usable(): Promise<SigningKeyRow[]> {
      return runner.run(db =>
        db
          .select()
          .from(signingKeys)
          .where(and(isNull(signingKeys.revokedAt), notRetired))
          .orderBy(...newestFirst),
      )
    },

    /** Whether a usable key was created within the last `seconds`. */
    async madeWithin(seconds: number): Promise<boolean> {
      const rows = await runner.run(db =>
        db
          .select({ kid: signingKeys.kid })
          .from(signingKeys)
          .where(
            and(
              isNull(signingKeys.revokedAt),
              notRetired,
              gt(signingKeys.createdAt, sql`now() - make_interval(secs => ${seconds})`),
            ),
          )
          .limit(1),
      )
      return rows.length > 0
    },

    /** Adds a key that starts to sign in `leadSeconds`. */
    async insert(key: NewSigningKey, leadSeconds: number): Promise<SigningKeyRow> {
      const [row] = await runner.run(db =>
        db
          .insert(signingKeys)
          .values({
            ...key,
            createdAt: sql`now()`,
            // The iat of a token is rounded down to a second, and the key must be active at that second.
            activeFrom: sql`date_trunc('second', now()) + make_interval(secs => ${leadSeconds})`,
          })
          .returning(),
      )
      return row!
    },

    /** Retires every other key `graceSeconds` after this one starts to sign. */
    async retireAllBut(kid: string, graceSeconds: number): Promise<void> {
      const successorActiveFrom = sql`(select active_from from signing_keys where kid = ${kid})`
      await runner.run(db =>
        db
          .update(signingKeys)
          .set({ retiresAt: sql`${successorActiveFrom} + make_interval(secs => ${graceSeconds})` })
          .where(and(ne(signingKeys.kid, kid), isNull(signingKeys.retiresAt), isNull(signingKeys.revokedAt))),
      )
    },

    /** Revokes a key for ever. Returns false if it does not exist or was revoked before. */
    async revoke(kid: string): Promise<boolean> {
      const revoked = await runner.run(db =>
        db
          .update(signingKeys)
          .set({ revokedAt: sql`now()` })
          .where(and(eq(signingKeys.kid, kid), isNull(signingKeys.revokedAt)))
          .returning({ kid: signingKeys.kid }),
      )
      return revoked.length === 1
    },

    /** Deletes keys that were retired or revoked more than `ageSeconds` ago, and returns their number. */
    async removeRetired(ageSeconds: number, limit: number): Promise<number> {
      const removed = await runner.run(db =>
        db.execute(sql`
          delete from signing_keys where kid in (
            select kid from signing_keys where least(retires_at, revoked_at) < now() - make_interval(secs => ${ageSeconds})
            limit ${limit})`),
      )
      return removed.count
    },

    /** Replaces an encrypted private key, unless another instance has replaced it meanwhile. */
    async reseal(kid: string, from: Buffer, to: Buffer): Promise<void> {
      await runner.run(db =>
        db
          .update(signingKeys)
          .set({ sealedPrivateKey: to })
          .where(and(eq(signingKeys.kid, kid), eq(signingKeys.sealedPrivateKey, from))),
      )
    },
  }
}

const notRetired = or(isNull(signingKeys.retiresAt), gt(signingKeys.retiresAt, sql`now()`))
