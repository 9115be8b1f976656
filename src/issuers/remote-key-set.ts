import { type CryptoKey, createLocalJWKSet, errors, type JSONWebKeySet, type JWTHeaderParameters } from 'jose'
import { LatchkeyError } from '../lib/errors.js'
import { createFailureLog, type FailureLog, type Log } from '../lib/log.js'
import { rsaKeyProblem } from '../lib/public-jwk.js'

/** From this age on, a request causes a read, and does not wait for it. */
const RENEW_SECONDS = 240
/** A key that was removed from the set is refused after this time. */
export const FRESH_SECONDS = 300
/** How long a request with a known key waits for an issuer that was not slow before. */
const PATIENCE_MS = 1000
/** How long the keys are used if the issuer cannot be reached. */
export const MOST_STALE_SECONDS = 3600
/** The shortest time between two requests to an issuer, whatever assertions arrive. */
export const COOLDOWN_SECONDS = 10
const MAX_KEYS = 100

export interface RemoteKeySetOptions {
  /** Of whom the keys are, for the log. */
  name: string
  /** Fetches the JWK Set. */
  read(): Promise<unknown>
  log: Log
  /** Monotonic milliseconds. */
  monotonic(): number
}

/**
 * The public keys of an issuer, read again when they are old or when a key is unknown. Assertions cannot cause more than
 * one read in ten seconds, whether it succeeds or not; and all requests wait for the same one. A known key does not wait
 * for an issuer that is slow or down.
 */
export class RemoteKeySet {
  readonly #options: RemoteKeySetOptions
  readonly #failures: FailureLog
  #keys: ReturnType<typeof createLocalJWKSet> | undefined
  #readAtMs = Number.NEGATIVE_INFINITY
  #notBeforeMs = Number.NEGATIVE_INFINITY
  #failure: unknown
  #reading: Promise<void> | undefined
  /** Whether the issuer has not answered in time since the last read that succeeded. */
  #isSlow = false

  constructor(options: RemoteKeySetOptions) {
    this.#options = options
    this.#failures = createFailureLog(options.log, 'warn')
  }

  /**
   * The key that a header names; undefined if the issuer has no such key.
   *
   * @throws LatchkeyError client_keys_unavailable if the keys cannot be read and the known ones do not contain it
   */
  async find(header: JWTHeaderParameters): Promise<CryptoKey | undefined> {
    await this.#renew()
    let key = await this.#lookUp(header)
    if (key) return key
    await this.#read()
    key = await this.#lookUp(header)
    if (key === undefined && this.#failure !== undefined) {
      const waitMs = this.#notBeforeMs - this.#options.monotonic()
      throw new LatchkeyError('client_keys_unavailable', {
        retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
        cause: this.#failure,
      })
    }
    return key
  }

  /**
   * Reads old keys again. While the issuer answers, a key that it removed is refused after five minutes, so requests wait
   * then. Otherwise they go on with the keys that are known.
   */
  async #renew(): Promise<void> {
    const age = this.#ageSeconds()
    if (age < RENEW_SECONDS) return
    const reading = this.#read()
    if (age >= MOST_STALE_SECONDS) return reading
    if (age < FRESH_SECONDS || this.#isSlow || this.#failure !== undefined) return
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>(resolve => {
      timer = setTimeout(() => {
        this.#isSlow = true
        resolve()
      }, PATIENCE_MS)
    })
    await Promise.race([reading, patience])
    clearTimeout(timer)
  }

  #ageSeconds(): number {
    return (this.#options.monotonic() - this.#readAtMs) / 1000
  }

  async #lookUp(header: JWTHeaderParameters): Promise<CryptoKey | undefined> {
    if (!this.#keys || this.#ageSeconds() >= MOST_STALE_SECONDS) return undefined
    return findKey(this.#keys, header)
  }

  async #read(): Promise<void> {
    if (!this.#reading && this.#options.monotonic() < this.#notBeforeMs) return
    this.#reading ??= this.#readNow().finally(() => {
      this.#notBeforeMs = this.#options.monotonic() + COOLDOWN_SECONDS * 1000
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readNow(): Promise<void> {
    const { name, read, monotonic } = this.#options
    const task = `read the keys of ${name}`
    const startedAtMs = monotonic()
    try {
      this.#keys = openKeySet(await read())
      this.#readAtMs = startedAtMs
      this.#failure = undefined
      this.#isSlow = false
      this.#failures.succeeded(task)
    } catch (error) {
      this.#failure = error
      this.#failures.failed(task, error)
    }
  }
}

/** Finds the key that a header names. Undefined if there is none, or more than one, or if it cannot be used. */
export async function findKey(
  keys: ReturnType<typeof createLocalJWKSet>,
  header: JWTHeaderParameters,
): Promise<CryptoKey | undefined> {
  try {
    return await keys(header)
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException)
      return undefined
    throw error
  }
}

/** @throws Error if it is not a JWK Set */
export function openKeySet(value: unknown): ReturnType<typeof createLocalJWKSet> {
  return createLocalJWKSet(keySetOf(value))
}

function keySetOf(value: unknown): JSONWebKeySet {
  const keys: unknown = (value as { keys?: unknown } | null)?.keys
  if (!Array.isArray(keys)) throw new Error('the answer is not a JWK Set')
  if (keys.length > MAX_KEYS) throw new Error(`the JWK Set has more than ${MAX_KEYS} keys`)
  return { keys: keys.filter(isUsable) }
}

/** Keys of other services in the same set do no harm, but everyone could sign for a weak one. */
function isUsable(key: unknown): key is JSONWebKeySet['keys'][number] {
  if (typeof key !== 'object' || key === null || Array.isArray(key)) return false
  const jwk = key as Record<string, unknown>
  return jwk.kty !== 'RSA' || rsaKeyProblem(jwk) === undefined
}
