import { createPublicKey } from 'node:crypto'
import { createSigner, createVerifier } from 'fast-jwt'
import { LatchkeyError } from '../../lib/errors.js'
import type { SigningKeyRow, SigningKeys } from '../../postgres/signing-keys.js'
import { decryptPrivateKey, tryDecryptPrivateKey } from './encrypt-private-key.js'
import type { KeyEncryptionKey } from './secrets.js'
import type { Algorithm, PublicJwk } from './signing-key.js'

export interface SigningKey {
  readonly kid: string
  readonly alg: Algorithm
  /** Makes a JWT of `typ: at+jwt`. Its `iat` and `exp` are the payload's own. */
  sign(payload: object & { iat: number; exp: number }): string
}

export interface VerificationKey {
  readonly kid: string
  /** The one algorithm that this key verifies. */
  readonly alg: Algorithm
  readonly publicPem: string
  /**
   * Checks the signature of a JWT and returns its claims. Expiry and `nbf` are for the caller to check, by its own clock.
   *
   * @throws TokenError if the signature is not valid
   */
  verify(token: string): Record<string, unknown>
}

interface Key {
  readonly verification: VerificationKey
  readonly publicJwk: PublicJwk
  readonly activeFromMs: number
  readonly retiresAtMs: number
  /** Undefined for a key that no configured secret opens: it still verifies. */
  readonly signing: SigningKey | undefined
}

const UNKNOWN_KID_COOLDOWN_MS = 1000

/** The signing keys in memory. Instants are milliseconds since the epoch, by the database's clock where they sign. */
export class Keyring {
  readonly #signingKeys: Pick<SigningKeys, 'usable'>
  readonly #keyEncryptionKeys: readonly KeyEncryptionKey[]
  readonly #dropped = new Set<string>()
  readonly #listeners: ((kid: string) => void)[] = []
  /** By kid, the newest first. */
  #keys = new Map<string, Key>()
  #reading: Promise<void> | undefined
  #nextRead: Promise<void> | undefined
  #lastLookup: { atMs: number; done: Promise<void> } | undefined

  constructor(options: { signingKeys: Pick<SigningKeys, 'usable'>; keyEncryptionKeys: readonly KeyEncryptionKey[] }) {
    this.#signingKeys = options.signingKeys
    this.#keyEncryptionKeys = options.keyEncryptionKeys
  }

  /**
   * The key to sign a token with that is issued at this instant: the newest that is active. Should none be active yet,
   * the first that will be, as a token that some verifier must fetch a key for is better than none.
   */
  signingKey(nowMs: number): SigningKey {
    let soonest: SigningKey | undefined
    for (const { signing, activeFromMs, retiresAtMs } of this.#keys.values()) {
      if (signing === undefined || retiresAtMs <= nowMs) continue
      if (activeFromMs <= nowMs) return signing
      soonest = signing
    }
    // A key was revoked a moment ago, and the one that takes over is being read.
    if (soonest === undefined) throw new LatchkeyError('busy', { retryAfterSeconds: 1 })
    return soonest
  }

  /** The key of this kid, if it is in memory; the same object for as long as it is. */
  verificationKey(kid: string): VerificationKey | undefined {
    return this.#keys.get(kid)?.verification
  }

  /**
   * The key of this kid, from the database if it must be. Unknown kids cost one read per cooldown, however many are
   * tried. If that read fails the kid stays unknown, as nothing that can't be looked up is accepted.
   *
   * @throws LatchkeyError token_stale for a revoked key. No token of it is believed, but the session of a genuine one
   *   lives on: its client refreshes and stays signed in.
   */
  async forKid(kid: string, nowMs = Date.now()): Promise<VerificationKey | undefined> {
    if (this.#dropped.has(kid)) throw new LatchkeyError('token_stale')
    const known = this.verificationKey(kid)
    if (known) return known
    if (this.#lastLookup === undefined || nowMs - this.#lastLookup.atMs >= UNKNOWN_KID_COOLDOWN_MS) {
      this.#lastLookup = { atMs: nowMs, done: this.reload().catch(() => {}) }
    }
    await this.#lastLookup.done
    return this.verificationKey(kid)
  }

  /** The public keys (RFC 7517), the newest first, those that will sign later among them. */
  jwks(nowMs: number): { keys: PublicJwk[] } {
    const served = [...this.#keys.values()].filter(({ retiresAtMs }) => retiresAtMs > nowMs)
    return { keys: served.map(({ publicJwk }) => publicJwk) }
  }

  /**
   * Reads the keys again. The read begins after the call, so that it finds what was committed before it; callers at the
   * same time share one. On failure the keys in memory stay.
   */
  reload(): Promise<void> {
    if (!this.#reading) return this.#read()
    this.#nextRead ??= this.#reading
      .catch(() => {})
      .then(() => {
        this.#nextRead = undefined
        return this.#read()
      })
    return this.#nextRead
  }

  #read(): Promise<void> {
    this.#reading = this.#signingKeys
      .usable()
      .then(rows => this.replace(rows))
      .finally(() => {
        this.#reading = undefined
      })
    return this.#reading
  }

  /**
   * Takes over the usable keys, given the newest first.
   *
   * @throws Error, written for the operator and after taking over all keys, if the one that should sign does not open
   */
  replace(rows: readonly SigningKeyRow[]): void {
    const before = this.#keys
    const kept = rows.filter(({ kid }) => !this.#dropped.has(kid))
    this.#keys = new Map(kept.map(row => [row.kid, readKey(row, this.#keyEncryptionKeys, before.get(row.kid))]))
    for (const kid of before.keys()) {
      if (!this.#keys.has(kid)) this.#notifyDropped(kid)
    }
    for (const { kid, retiresAt, sealedPrivateKey } of kept) {
      if (retiresAt === null && !this.#keys.get(kid)?.signing)
        decryptPrivateKey(sealedPrivateKey, this.#keyEncryptionKeys, kid)
    }
  }

  /** Forgets a revoked key at once and for good, even if a read that began before brings it back. */
  drop(kid: string): void {
    this.#dropped.add(kid)
    this.#keys.delete(kid)
    this.#notifyDropped(kid)
  }

  /** Calls the listener with each kid that is gone, so that what was verified with it can be forgotten. */
  onDropped(listener: (kid: string) => void): void {
    this.#listeners.push(listener)
  }

  #notifyDropped(kid: string): void {
    for (const listener of this.#listeners) listener(kid)
  }
}

/** A kid is the thumbprint of its key, so what was read of it once holds, seal or no seal. */
function readKey(row: SigningKeyRow, keyEncryptionKeys: readonly KeyEncryptionKey[], known: Key | undefined): Key {
  const { kid, alg } = row
  const publicJwk = row.publicJwk as PublicJwk
  return {
    verification: known?.verification ?? openVerificationKey(kid, alg, publicJwk),
    publicJwk,
    activeFromMs: row.activeFrom.getTime(),
    retiresAtMs: row.retiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
    signing: known?.signing ?? openSigningKey(row, keyEncryptionKeys),
  }
}

/** The verifier is created once per key: creating one costs more than checking a signature. */
function openVerificationKey(kid: string, alg: Algorithm, publicJwk: PublicJwk): VerificationKey {
  const publicPem = createPublicKey({ key: publicJwk, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString()
  const verify = createVerifier({
    key: publicPem,
    algorithms: [alg],
    cache: false,
    ignoreExpiration: true,
    ignoreNotBefore: true,
  })
  return { kid, alg, publicPem, verify }
}

/** Its signer is made once, as making one costs ten times what signing does. */
function openSigningKey(row: SigningKeyRow, keyEncryptionKeys: readonly KeyEncryptionKey[]): SigningKey | undefined {
  const { kid, alg } = row
  const decrypted = tryDecryptPrivateKey(row.sealedPrivateKey, keyEncryptionKeys, kid)
  if (decrypted === undefined) return undefined
  const sign = createSigner({ key: decrypted.plain, algorithm: alg, kid, header: { alg, typ: 'at+jwt' } })
  return { kid, alg, sign }
}
