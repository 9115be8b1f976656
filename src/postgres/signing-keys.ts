import { and, desc, eq, gt, isNull, ne, or, sql } from 'drizzle-orm'
import type { Runner } from './pool/connections.js'
import { signingKeys } from './schema/signing-keys.js'

export type SigningKeyRow = typeof signingKeys.$inferSelect
export type NewSigningKey = Pick<SigningKeyRow, 'kid' | 'alg' | 'publicJwk' | 'sealedPrivateKey'>
export type SigningKeys = ReturnType<typeof signingKeysRepository>

/** Any number will do, as long as no other program on this database takes it for a lock of its own. */
const ADVISORY_LOCK = 7_233_417_022

// Transactions that started at the same microsecond are told apart by the kid, so that all instances agree.
const newestFirst = [desc(signingKeys.createdAt), desc(signingKeys.kid)]

/** The keys that sign access tokens. Their instants are judged by the database's clock. */
export function signingKeysRepository(runner: Runner) {
  return {
    /** Holds everybody else off making a key until the transaction ends. */
    async lock(): Promise<void> {
      await runner.run(db => db.execute(sql`select pg_advisory_xact_lock(${ADVISORY_LOCK})`))
    },

    /** Every key there ever was, the newest first. */
    all(): Promise<SigningKeyRow[]> {
      return runner.run(db =>
        db
          .select()
          .from(signingKeys)
          .orderBy(...newestFirst),
      )
    },

    /** The keys that tokens are still verified with, the newest first: neither revoked nor past their retirement. */
    usable(): Promise<SigningKeyRow[]> {
      return runner.run(db =>
        db
          .select()
          .from(signingKeys)
          .where(and(isNull(signingKeys.revokedAt), notRetired))
          .orderBy(...newestFirst),
      )
    },

    /** Whether a key that is still good was made within the last so many seconds. */
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

    /** Adds a key that signs from `leadSeconds` from now on. */
    async insert(key: NewSigningKey, leadSeconds: number): Promise<SigningKeyRow> {
      const [row] = await runner.run(db =>
        db
          .insert(signingKeys)
          .values({
            ...key,
            createdAt: sql`now()`,
            // Tokens are issued at whole seconds, rounded down: the first of them must find the key active.
            activeFrom: sql`date_trunc('second', now()) + make_interval(secs => ${leadSeconds})`,
          })
          .returning(),
      )
      return row!
    },

    /** Retires every other key so many seconds after this one has begun to sign. */
    async retireAllBut(kid: string, graceSeconds: number): Promise<void> {
      const successorActiveFrom = sql`(select active_from from signing_keys where kid = ${kid})`
      await runner.run(db =>
        db
          .update(signingKeys)
          .set({ retiresAt: sql`${successorActiveFrom} + make_interval(secs => ${graceSeconds})` })
          .where(and(ne(signingKeys.kid, kid), isNull(signingKeys.retiresAt), isNull(signingKeys.revokedAt))),
      )
    },

    /** Takes a key out of use for good. False when there is no such key, or it was revoked before. */
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

    /** Removes keys that retired, or were revoked, so long ago; returns how many. */
    async removeRetired(ageSeconds: number, limit: number): Promise<number> {
      const removed = await runner.run(db =>
        db.execute(sql`
          delete from signing_keys where kid in (
            select kid from signing_keys where least(retires_at, revoked_at) < now() - make_interval(secs => ${ageSeconds})
            limit ${limit})`),
      )
      return removed.count
    },

    /** Replaces the seal of a private key, unless another instance has done so meanwhile. */
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
