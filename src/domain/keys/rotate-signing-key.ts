import { REVOCATION_TTL_SECONDS } from '@latchkey/verifier/core'
import { LatchkeyError } from '../../lib/errors.js'
import type { NewSecurityEvent, SecurityEvents } from '../../postgres/security-events.js'
import type { SigningKeyRow, SigningKeys } from '../../postgres/signing-keys.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext } from '../context.js'
import type { Secrets } from './secrets.js'
import { type Algorithm, encryptPrivateKey, generateSigningKey } from './signing-key.js'

/** The part of the database that signing keys need. */
export interface KeyDatabase {
  readonly signingKeys: SigningKeys
  transaction<T>(
    work: (repositories: {
      readonly signingKeys: SigningKeys
      readonly securityEvents: Pick<SecurityEvents, 'add'>
    }) => Promise<T>,
  ): Promise<T>
}

/**
 * How long before its first use a key is published. Every instance reads the keys once a second, and every cache that
 * follows our Cache-Control keeps the JWKS for at most 6 minutes (src/http/routes/well-known.ts). So after 6 minutes
 * every such verifier has the key; the rest allows for failed reads and different clocks.
 */
export const KEY_LEAD_SECONDS = 10 * 60

/**
 * The same for a key that is needed at once: every instance must have read it, which takes at most 2 s, before a token
 * is signed with it. One second more, because the lead starts at a whole second, rounded down, and one because the
 * `iat` of a token can be a second ahead.
 */
export const URGENT_KEY_LEAD_SECONDS = 4

export interface NewKeyOptions {
  algorithm: Algorithm
  keyEncryptionKeys: Secrets['keyEncryptionKeys']
  /** The actor in the event; by default the service itself. */
  actor?: string
}

/**
 * Makes the next signing key. It begins to sign after {@link KEY_LEAD_SECONDS}, on every instance that can decrypt it.
 * The keys before it stay in the JWKS until the last token that they signed has expired.
 *
 * @param options.immediately sign with it after {@link URGENT_KEY_LEAD_SECONDS}, or at once if no other key can sign:
 *   after the loss of a secret, or before another key is revoked. Other verifiers do not know its kid yet and fetch the
 *   keys again.
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
 * Makes the next signing key if the newest one is older than the rotation interval. If several instances call this at
 * once, one key is made.
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
 * Adds a signing key and retires those before it, unless `unless` says that it is not needed. That is checked twice:
 * first because making a key is slow, then under the lock, where the result cannot change. The very first key signs at
 * once, because no older JWKS exists and no other key could sign.
 */
export async function addSigningKey(
  database: KeyDatabase,
  options: NewKeyOptions & { leadSeconds: number; unless: (keys: SigningKeys) => Promise<boolean> },
): Promise<SigningKeyRow | undefined> {
  if (await options.unless(database.signingKeys)) return undefined
  const { kid, alg, publicJwk, privatePem } = await generateSigningKey(options.algorithm)
  const sealedPrivateKey = encryptPrivateKey(privatePem, options.keyEncryptionKeys[0], kid)

  return database.transaction(async ({ signingKeys, securityEvents }) => {
    await signingKeys.lock()
    if (await options.unless(signingKeys)) return undefined
    const isFirst = (await signingKeys.usable()).length === 0
    const row = await signingKeys.insert({ kid, alg, publicJwk, sealedPrivateKey }, isFirst ? 0 : options.leadSeconds)
    await signingKeys.retireAllBut(kid, REVOCATION_TTL_SECONDS)
    await securityEvents.add(keyCreated(row, options.actor))
    return row
  })
}

/**
 * Revokes a compromised signing key: it is removed from the JWKS, and every instance removes it and the tokens that it
 * verified from memory. Verifiers that use only the JWKS accept it until they fetch the JWKS again. If no signing key
 * is left, a new one signs at once. Sessions continue, as refresh tokens are not signed with it.
 *
 * @param actor the actor in the events
 * @returns the kid of the new key, if one had to be made
 * @throws LatchkeyError signing_key_not_found
 */
export async function revokeSigningKey(
  context: Pick<AuthContext, 'db' | 'config' | 'secrets' | 'revocations'>,
  kid: string,
  actor: string,
): Promise<string | undefined> {
  const successor = await generateSigningKey(context.config.algorithm)
  const sealedPrivateKey = encryptPrivateKey(successor.privatePem, context.secrets.keyEncryptionKeys[0], successor.kid)

  const isReplaced = await commitAndAnnounce(context, async ({ signingKeys, journal, securityEvents }) => {
    await signingKeys.lock()
    if (!(await signingKeys.revoke(kid))) throw new LatchkeyError('signing_key_not_found')
    const isReplaced = !(await signingKeys.usable()).some(({ retiresAt }) => retiresAt === null)
    if (isReplaced) {
      const row = await signingKeys.insert({ ...successor, sealedPrivateKey }, 0)
      await securityEvents.add(keyCreated(row, actor))
    }
    await journal.append([{ kind: 'key', subject: kid, reason: 'key_compromised' }])
    await securityEvents.add({ type: 'signing_key_revoked', actor, details: { kid } })
    return isReplaced
  })
  return isReplaced ? successor.kid : undefined
}

function keyCreated({ kid, alg, activeFrom }: SigningKeyRow, actor = 'system'): NewSecurityEvent {
  return { type: 'signing_key_created', actor, details: { kid, alg, active_from: activeFrom.toISOString() } }
}
