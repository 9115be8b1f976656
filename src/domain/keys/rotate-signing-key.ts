import { LatchkeyError } from '../../lib/errors.js'
import type { SigningKeyRow, SigningKeys } from '../../postgres/signing-keys.js'
import { REVOCATION_TTL_SECONDS } from '../../revocations/revocation.js'
import { type AuthContext, commitAndAnnounce } from '../context.js'
import { encryptPrivateKey } from './encrypt-private-key.js'
import type { Secrets } from './secrets.js'
import { type Algorithm, generateSigningKey } from './signing-key.js'

/** As much of the database as the signing keys need. */
export interface KeyDatabase {
  readonly signingKeys: SigningKeys
  transaction<T>(work: (repositories: { readonly signingKeys: SigningKeys }) => Promise<T>): Promise<T>
}

/**
 * How long before its first use a key is published. Every instance reads the keys once a second and every cache that
 * follows our Cache-Control holds the JWKS for 6 minutes at most (src/http/routes/well-known.ts), so after 6 minutes every
 * such verifier has it; the rest is for reads that fail and clocks that differ.
 */
export const KEY_LEAD_SECONDS = 10 * 60

/**
 * The same for a key that is needed at once: long enough that every instance has read it, which takes 2 s at most, so
 * that none meets a token of a key that it does not know. One second more because the lead is counted from a whole
 * second, rounded down, and one because the `iat` of a token may be a second ahead.
 */
export const URGENT_KEY_LEAD_SECONDS = 4

export interface NewKeyOptions {
  algorithm: Algorithm
  keyEncryptionKeys: Secrets['keyEncryptionKeys']
}

/**
 * Makes the next signing key. It begins to sign after {@link KEY_LEAD_SECONDS}, with every instance that can open it; the
 * keys before it are served until the last token that they signed is dead.
 *
 * @param options.immediately sign with it after {@link URGENT_KEY_LEAD_SECONDS}, and at once where no other key can sign:
 *   for a lost secret, or before the revocation of another key. Verifiers elsewhere meet a kid they do not know and
 *   fetch the keys again.
 */
export async function rotateSigningKey(
  database: KeyDatabase,
  options: NewKeyOptions & { immediately?: boolean },
): Promise<SigningKeyRow> {
  const lead = options.immediately ? URGENT_KEY_LEAD_SECONDS : KEY_LEAD_SECONDS
  const row = await addSigningKey(database, { ...options, leadSeconds: lead, unless: async () => false })
  return row!
}

/**
 * Makes the next signing key if the newest is older than it may be. However many instances ask at once, one key is made.
 *
 * @returns the new key, or undefined if none was due
 */
export async function rotateIfDue(
  database: KeyDatabase,
  options: NewKeyOptions & { keyRotationIntervalSeconds: number },
): Promise<SigningKeyRow | undefined> {
  return addSigningKey(database, {
    ...options,
    leadSeconds: KEY_LEAD_SECONDS,
    unless: keys => keys.madeWithin(options.keyRotationIntervalSeconds),
  })
}

/**
 * Adds a signing key and retires those before it, unless it is not needed. That is asked twice: first because making a
 * key is slow, then under the lock, where the answer holds. The very first key signs at once, as nobody can hold an
 * older JWKS and nothing else could sign.
 */
export async function addSigningKey(
  database: KeyDatabase,
  options: NewKeyOptions & { leadSeconds: number; unless: (keys: SigningKeys) => Promise<boolean> },
): Promise<SigningKeyRow | undefined> {
  if (await options.unless(database.signingKeys)) return undefined
  const { kid, alg, publicJwk, privatePem } = await generateSigningKey(options.algorithm)
  const sealedPrivateKey = encryptPrivateKey(privatePem, options.keyEncryptionKeys[0], kid)

  return database.transaction(async ({ signingKeys }) => {
    await signingKeys.lock()
    if (await options.unless(signingKeys)) return undefined
    const isFirst = (await signingKeys.usable()).length === 0
    const row = await signingKeys.insert({ kid, alg, publicJwk, sealedPrivateKey }, isFirst ? 0 : options.leadSeconds)
    await signingKeys.retireAllBut(kid, REVOCATION_TTL_SECONDS)
    return row
  })
}

/**
 * Revokes a compromised signing key: it leaves the JWKS, and every instance drops it with all that it verified. Verifiers
 * that know no more than the JWKS accept it until they fetch that again. If no key is left to sign with, another takes
 * over at once; sessions live on, as refresh tokens are not signed by it.
 *
 * @returns the kid of the key that takes over, if one had to be made
 * @throws LatchkeyError signing_key_not_found
 */
export async function revokeSigningKey(
  context: Pick<AuthContext, 'db' | 'config' | 'secrets' | 'revocations'>,
  kid: string,
): Promise<string | undefined> {
  const successor = await generateSigningKey(context.config.algorithm)
  const sealedPrivateKey = encryptPrivateKey(successor.privatePem, context.secrets.keyEncryptionKeys[0], successor.kid)

  const isReplaced = await commitAndAnnounce(context, async ({ signingKeys, journal }) => {
    await signingKeys.lock()
    if (!(await signingKeys.revoke(kid))) throw new LatchkeyError('signing_key_not_found')
    const isReplaced = !(await signingKeys.usable()).some(({ retiresAt }) => retiresAt === null)
    if (isReplaced) await signingKeys.insert({ ...successor, sealedPrivateKey }, 0)
    await journal.append([{ kind: 'key', subject: kid, reason: 'key_compromised' }])
    return isReplaced
  })
  return isReplaced ? successor.kid : undefined
}
