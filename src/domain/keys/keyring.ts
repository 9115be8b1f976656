import { createPublicKey } from 'node:crypto'
import { ACCESS_TOKEN_TYPE, openVerificationKey, type VerificationKey } from '@latchkey/verifier/core'
import { createSigner } from 'fast-jwt'
import { decryptText, type EncryptionKey } from '../../lib/encrypted-text.js'
import { LatchkeyError } from '../../lib/errors.js'
import type { SigningKeyRow, SigningKeys } from '../../postgres/signing-keys.js'
import { type Algorithm, decryptPrivateKey, type PublicJwk } from './signing-key.js'

export interface SigningKey {
  readonly kid: string
  readonly alg: Algorithm
  /** Signs a JWT with `typ: at+jwt`. The payload must contain `iat` and `exp`. */
  sign(payload: object & { iat: number; exp: number }): string
  /** Signs a Security Event Token (RFC 8417), with `typ: secevent+jwt`. */
  signEvent(payload: object & { iat: number; jti: string }): string
}

export interface PublicKey extends VerificationKey {
  readonly publicPem: string
}

interface Key {
  readonly verification: PublicKey
  readonly publicJwk: PublicJwk
  readonly createdAtMs: number
  readonly activeFromMs: number
  readonly retiresAtMs: number
  /** Undefined for a key that no configured secret decrypts: it can still verify. */
  readonly signing: SigningKey | undefined
}

const UNKNOWN_KID_COOLDOWN_MS = 1000
/** RFC 8417, 2.3. No verifier of access tokens accepts a token of this type. */
const EVENT_TOKEN_TYPE = 'secevent+jwt'

/** The signing keys in memory. Instants are milliseconds since the epoch; for signing, by the database's clock. */
export class Keyring {
  readonly #signingKeys: Pick<SigningKeys, 'usable'>
  readonly #keyEncryptionKeys: readonly EncryptionKey[]
  readonly #dropped = new Set<string>()
  readonly #listeners: ((kid: string) => void)[] = []
  /** By kid, newest first. */
  #keys = new Map<string, Key>()
  #reading: Promise<void> | undefined
  #nextRead: Promise<void> | undefined
  #lastLookup: { atMs: number; done: Promise<void> } | undefined

  constructor(options: { signingKeys: Pick<SigningKeys, 'usable'>; keyEncryptionKeys: readonly EncryptionKey[] }) {
    this.#signingKeys = options.signingKeys
    this.#keyEncryptionKeys = options.keyEncryptionKeys
  }

  /**
   * The key that signs a token issued at this instant: the newest active one. If none is active yet, the key that
   * becomes active first: some verifiers must then fetch it, but without it no token could be issued.
   */
  signingKey(nowMs: number): SigningKey {
    const key = this.#findSigningKey(nowMs)
    // A key was revoked a moment ago, and its successor has not been read yet.
    if (key === undefined) throw new LatchkeyError('busy', { retryAfterSeconds: 1 })
    return key
  }

  #findSigningKey(nowMs: number): SigningKey | undefined {
    let soonest: SigningKey | undefined
    for (const { signing, activeFromMs, retiresAtMs } of this.#keys.values()) {
      if (signing === undefined || retiresAtMs <= nowMs) continue
      if (activeFromMs <= nowMs) return signing
      soonest = signing
    }
    return soonest
  }

  /** Since when the key signs that signs at this instant, and when the newest key was made; undefined without keys. */
  ages(nowMs: number): { signsSinceMs: number | undefined; newestMadeMs: number | undefined } {
    const signing = this.#findSigningKey(nowMs)
    const made = [...this.#keys.values()].map(({ createdAtMs }) => createdAtMs)
    return {
      signsSinceMs: signing && this.#keys.get(signing.kid)?.activeFromMs,
      newestMadeMs: made.length > 0 ? Math.max(...made) : undefined,
    }
  }

  /** The key with this kid, if it is in memory; always the same object while it is. */
  verificationKey(kid: string): PublicKey | undefined {
    return this.#keys.get(kid)?.verification
  }

  /**
   * The key with this kid, from memory or else from the database. Unknown kids cost one read per cooldown, however many
   * are tried. If the read fails, the kid stays unknown, and its tokens are refused.
   *
   * @throws LatchkeyError token_stale for a revoked key. Its tokens are refused, but the sessions continue: clients
   *   refresh and stay signed in.
   */
  async forKid(kid: string, nowMs = Date.now()): Promise<PublicKey | undefined> {
    if (this.#dropped.has(kid)) throw new LatchkeyError('token_stale')
    const known = this.verificationKey(kid)
    if (known) return known
    if (this.#lastLookup === undefined || nowMs - this.#lastLookup.atMs >= UNKNOWN_KID_COOLDOWN_MS) {
      this.#lastLookup = { atMs: nowMs, done: this.reload().catch(() => {}) }
    }
    await this.#lastLookup.done
    return this.verificationKey(kid)
  }

  /** The public keys (RFC 7517), newest first, including those that will sign later. */
  jwks(nowMs: number): { keys: PublicJwk[] } {
    const served = [...this.#keys.values()].filter(({ retiresAtMs }) => retiresAtMs > nowMs)
    return { keys: served.map(({ publicJwk }) => publicJwk) }
  }

  /** The algorithms of the public keys, without repetition; first the one that signs a token issued at this instant. */
  algorithms(nowMs: number): string[] {
    const served = this.jwks(nowMs).keys.map(({ alg }) => alg)
    const signing = this.#findSigningKey(nowMs)
    return [...new Set(signing === undefined ? served : [signing.alg, ...served])]
  }

  /**
   * Reads the keys again. The read begins after the call, so that it finds what was committed before the call;
   * concurrent callers share one read. If it fails, the keys in memory stay.
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
   * Replaces the keys in memory by the usable keys, given newest first.
   *
   * @throws Error with a message for the operator, after all keys were replaced, if a key that should sign cannot be
   *   decrypted
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

  /** Removes a revoked key at once and permanently, even if a read that began before contains it. */
  drop(kid: string): void {
    this.#dropped.add(kid)
    this.#keys.delete(kid)
    this.#notifyDropped(kid)
  }

  /** Calls the listener with each removed kid, so that tokens verified with it can be removed from caches. */
  onDropped(listener: (kid: string) => void): void {
    this.#listeners.push(listener)
  }

  #notifyDropped(kid: string): void {
    for (const listener of this.#listeners) listener(kid)
  }
}

/** A kid is the thumbprint of its key, so what was read once stays correct and is kept. */
function readKey(row: SigningKeyRow, keyEncryptionKeys: readonly EncryptionKey[], known: Key | undefined): Key {
  const publicJwk = row.publicJwk as PublicJwk
  return {
    verification: known?.verification ?? openPublicKey(publicJwk),
    publicJwk,
    createdAtMs: row.createdAt.getTime(),
    activeFromMs: row.activeFrom.getTime(),
    retiresAtMs: row.retiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
    signing: known?.signing ?? openSigningKey(row, keyEncryptionKeys),
  }
}

function openPublicKey(publicJwk: PublicJwk): PublicKey {
  const publicKey = createPublicKey({ key: publicJwk, format: 'jwk' })
  return { ...openVerificationKey(publicJwk), publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString() }
}

/** A signer is created once per key: creating one costs ten times as much as signing. */
function openSigningKey(row: SigningKeyRow, keyEncryptionKeys: readonly EncryptionKey[]): SigningKey | undefined {
  const { kid, alg } = row
  const decrypted = decryptText(row.sealedPrivateKey, keyEncryptionKeys, kid)
  if (decrypted === undefined) return undefined
  const signer = (typ: string) => createSigner({ key: decrypted.plain, algorithm: alg, kid, header: { alg, typ } })
  let signEvent: SigningKey['signEvent'] | undefined
  return {
    kid,
    alg,
    sign: signer(ACCESS_TOKEN_TYPE),
    signEvent(payload) {
      signEvent ??= signer(EVENT_TOKEN_TYPE)
      return signEvent(payload)
    },
  }
}
