import { type CryptoKey, createLocalJWKSet, errors, type JSONWebKeySet, type JWTHeaderParameters } from 'jose'
import { LatchkeyError } from '../lib/errors.js'
import { createFailureLog, type FailureLog, type Log } from '../lib/log.js'

/** A key that was removed from the set is refused after this time. */
export const FRESH_SECONDS = 300
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
 * one read in ten seconds, whether it succeeds or not; and all requests wait for the same one.
 */
export class RemoteKeySet {
  readonly #options: RemoteKeySetOptions
  readonly #failures: FailureLog
  #keys: ReturnType<typeof createLocalJWKSet> | undefined
  #readAtMs = Number.NEGATIVE_INFINITY
  #notBeforeMs = Number.NEGATIVE_INFINITY
  #failure: unknown
  #reading: Promise<void> | undefined

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
    if (this.#ageSeconds() >= FRESH_SECONDS) await this.#read()
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
      this.#keys = createLocalJWKSet(keySetOf(await read()))
      this.#readAtMs = startedAtMs
      this.#failure = undefined
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

function keySetOf(value: unknown): JSONWebKeySet {
  const keys: unknown = (value as { keys?: unknown } | null)?.keys
  if (!Array.isArray(keys)) throw new Error('the answer is not a JWK Set')
  if (keys.length > MAX_KEYS) throw new Error(`the JWK Set has more than ${MAX_KEYS} keys`)
  return { keys: keys.filter(key => typeof key === 'object' && key !== null && !Array.isArray(key)) }
}
