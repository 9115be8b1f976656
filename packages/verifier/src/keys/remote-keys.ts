import type { KeySource, VerificationKey } from '../core/index.js'
import { backOffMs } from '../transport/back-off.js'
import { requestJson, type Transport } from '../transport/request.js'
import { RequestFailure } from '../transport/request-failure.js'
import { VerifierError } from '../verifier-error.js'
import { type OpenedKey, readJwks } from './read-jwks.js'

export interface RemoteKeysOptions {
  transport: Transport
  /** Monotonic milliseconds. */
  monotonic(): number
  /** Called with each kid whose key is no longer valid, so that its tokens are forgotten. */
  onDropped(kid: string): void
  /** Called after every request, with the failure if it failed. */
  onFetched(failure: RequestFailure | undefined): void
}

const PATH = '/.well-known/jwks.json'
const TIMEOUT_MS = 5000
const MAX_BYTES = 256 * 1024
/** Tokens with unknown kids cost one request in this time, however many they are. */
const COOLDOWN_MS = 1000
/** How many requests wait for the next fetch. More of them are answered with 503 at once. */
const MAX_WAITING = 1000
/** How long the keys are used without asking again, if the answer does not say, and the limits of what it can say. */
const DEFAULT_MAX_AGE_SECONDS = 300
const MAX_AGE_BOUNDS = { least: 30, most: 3600 }

/**
 * The public keys of the issuer in memory. They are fetched at the start, again and again as `Cache-Control` says, and
 * for a token with an unknown kid. If a fetch fails, the keys in memory stay.
 */
export class RemoteKeys implements KeySource {
  readonly #options: RemoteKeysOptions
  readonly #dropped = new Set<string>()
  #keys: ReadonlyMap<string, OpenedKey> = new Map()
  #fetching: Promise<void> | undefined
  #next: Promise<void> | undefined
  #waiting = 0
  #endedAtMs = Number.NEGATIVE_INFINITY
  #failures = 0
  #controller: AbortController | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: RemoteKeysOptions) {
    this.#options = options
  }

  /** Starts to fetch the keys, now and from then on. */
  start(): void {
    void this.#fetch()
  }

  get size(): number {
    return this.#keys.size
  }

  /** How many requests have failed since the last success. */
  get failures(): number {
    return this.#failures
  }

  /**
   * @throws VerifierError token_stale if the key was revoked, keys_unavailable if it is not known whether the key exists
   */
  async forKid(kid: string): Promise<VerificationKey | undefined> {
    const known = this.#find(kid)
    if (known) return known
    // A key is not known to be missing until a fetch that began after the token was received says so.
    if (this.#failures > 0 && !this.#isCool()) throw new VerifierError('keys_unavailable')
    if (this.#waiting >= MAX_WAITING) throw new VerifierError('keys_unavailable')
    this.#waiting++
    try {
      await this.#fetchAfterCooldown()
    } finally {
      this.#waiting--
    }
    const found = this.#find(kid)
    if (!found && this.#failures > 0) throw new VerifierError('keys_unavailable')
    return found
  }

  /** Removes a revoked key at once and permanently, even if a later answer, of an old cache, contains it. */
  drop(kid: string): void {
    if (this.#dropped.has(kid)) return
    this.#dropped.add(kid)
    this.#replace(this.#keys)
    this.#options.onDropped(kid)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#controller?.abort()
  }

  #find(kid: string): VerificationKey | undefined {
    if (this.#isClosed) throw new VerifierError('closed')
    if (this.#dropped.has(kid)) throw new VerifierError('token_stale')
    return this.#keys.get(kid)?.verification
  }

  #isCool(): boolean {
    return this.#options.monotonic() - this.#endedAtMs >= COOLDOWN_MS
  }

  /** A fetch that begins after this call, shared by all callers. The first fetch of all counts too. */
  #fetchAfterCooldown(): Promise<void> {
    if (this.#fetching && this.#endedAtMs === Number.NEGATIVE_INFINITY) return this.#fetching
    if (!this.#fetching && this.#isCool()) return this.#fetch()
    this.#next ??= this.#afterCooldown().finally(() => {
      this.#next = undefined
    })
    return this.#next
  }

  async #afterCooldown(): Promise<void> {
    await this.#fetching
    const waitMs = COOLDOWN_MS - (this.#options.monotonic() - this.#endedAtMs)
    // Somebody waits for this timer, so it keeps the process running.
    if (waitMs > 0) await new Promise(resolve => setTimeout(resolve, waitMs))
    await this.#fetch()
  }

  #fetch(): Promise<void> {
    this.#fetching ??= this.#request().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  /** Never rejects. */
  async #request(): Promise<void> {
    if (this.#isClosed) return
    clearTimeout(this.#timer)
    const { transport, monotonic, onFetched } = this.#options
    this.#controller = new AbortController()
    let failure: RequestFailure | undefined
    let nextInMs: number
    try {
      const { value, headers } = await requestJson(transport, PATH, {
        controller: this.#controller,
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_BYTES,
      })
      this.#replace(readJwks(value, this.#keys))
      this.#failures = 0
      nextInMs = maxAgeSecondsOf(headers) * 1000 * (0.8 + 0.2 * Math.random())
    } catch (error) {
      failure =
        error instanceof RequestFailure
          ? error
          : new RequestFailure('content', `GET ${transport.baseUrl}${PATH}: ${(error as Error).message}`)
      this.#failures++
      // Without a key no token can be verified, so users wait for the next attempt.
      nextInMs = backOffMs(this.#failures, { mostMs: this.#keys.size === 0 ? 2000 : 10_000 })
    }
    this.#endedAtMs = monotonic()
    if (this.#isClosed) return
    this.#timer = setTimeout(() => void this.#fetch(), nextInMs).unref()
    onFetched(failure)
  }

  #replace(keys: ReadonlyMap<string, OpenedKey>): void {
    const before = this.#keys
    const kept = new Map([...keys].filter(([kid]) => !this.#dropped.has(kid)))
    this.#keys = kept
    for (const [kid, key] of before) if (kept.get(kid) !== key && !this.#dropped.has(kid)) this.#options.onDropped(kid)
  }
}

/** RFC 9111, 5.2.2.1, within bounds: the keys are read now and then whatever the answer says. */
function maxAgeSecondsOf(headers: Headers): number {
  const [, seconds] = /(?:^|[\s,])max-age=(\d{1,9})/.exec(headers.get('cache-control') ?? '') ?? []
  const { least, most } = MAX_AGE_BOUNDS
  return seconds === undefined ? DEFAULT_MAX_AGE_SECONDS : Math.min(most, Math.max(least, Number(seconds)))
}
