import { Changes } from './changes.js'
import { checkOptions, wholeNumber } from './check-options.js'
import { type AnyClaims, type Principal, type Refusal, TokenVerifier } from './core/index.js'
import { Feed } from './feed/feed.js'
import { IssuerCheck } from './keys/issuer-check.js'
import { RemoteKeys } from './keys/remote-keys.js'
import { readOptions, type VerifierSettings } from './options.js'
import { Problems } from './problems.js'
import type { RequestFailure } from './transport/request-failure.js'
import type { Verifier, VerifierOptions, VerifierStatus } from './types.js'
import { VerifierError, type VerifierErrorCode } from './verifier-error.js'

const READY_TIMEOUT_MS = 10_000
/** The most that a timer can wait. */
const READY_OPTIONS = { timeoutMs: wholeNumber(0, 2 ** 31 - 1) }

const CODES: Record<Refusal, VerifierErrorCode> = {
  expired: 'token_expired',
  revoked: 'token_revoked',
  stale: 'token_stale',
  undecided: 'revocations_stale',
}

/**
 * Creates a verifier of access tokens. It starts to load the public keys at once and, with a client, to follow the feed
 * of revocations; `ready()` waits for both. One verifier is enough for a process.
 *
 * @typeParam Claims the types of the claims of the application; nothing checks them
 * @throws TypeError that names the option that is wrong
 */
export function createVerifier<Claims extends object = AnyClaims>(options: VerifierOptions): Verifier<Claims> {
  return new TokenVerifierOfIssuer(readOptions(options)) as Verifier as Verifier<Claims>
}

class TokenVerifierOfIssuer implements Verifier {
  readonly #problems: Problems
  readonly #keys: RemoteKeys
  readonly #feed: Feed | undefined
  readonly #tokens: TokenVerifier
  readonly #toleranceMs: number
  readonly #changes = new Changes()
  readonly #issuer: IssuerCheck
  #closing: Promise<void> | undefined

  constructor(settings: VerifierSettings) {
    const { issuer, audience, claimsNamespace, cacheSize, client, log } = settings
    this.#toleranceMs = settings.clockToleranceSeconds * 1000
    this.#problems = new Problems(log)
    this.#issuer = new IssuerCheck({
      transport: settings,
      issuer,
      problems: this.#problems,
      onChecked: () => this.#changes.announce(),
    })
    this.#keys = new RemoteKeys({
      transport: settings,
      monotonic: () => performance.now(),
      onDropped: kid => this.#tokens.forgetKey(kid),
      onFetched: failure => this.#keysFetched(failure),
    })
    this.#feed =
      client &&
      new Feed({
        settings: { ...settings, client },
        problems: this.#problems,
        onKeyRevoked: kid => this.#keys.drop(kid),
        onNews: () => this.#changes.announce(),
      })
    this.#tokens = new TokenVerifier({
      issuer,
      audience,
      claimsNamespace,
      cacheSize,
      keys: this.#keys,
      revocations: this.#feed ?? { refuses: () => undefined },
      clock: () => this.#clock(),
    })
    this.#keys.start()
    this.#feed?.start()
    if (!client)
      log.warn('verifies offline: a revoked token is accepted until it expires, unless you set the option `client`')
  }

  async verify(token: string): Promise<Principal> {
    this.#requireToken(token)
    const principal = await this.#tokens.identify(token)
    if (this.#feed?.pauses.isBehind) await this.#feed.pauses.catchUp()
    this.#requireToken(token)
    return this.#requireValid(token, principal ?? (await this.#refuseUnknown()))
  }

  verifyKnown(token: string): Principal | undefined {
    this.#requireToken(token)
    const principal = this.#tokens.findKnown(token)
    return principal && !this.#feed?.pauses.isBehind ? this.#requireValid(token, principal) : undefined
  }

  async ready(options: { timeoutMs?: number } = {}): Promise<void> {
    checkOptions('ready', options, READY_OPTIONS)
    const { timeoutMs = READY_TIMEOUT_MS } = options
    await this.#changes.until(isLate => {
      if (this.#closing) throw new VerifierError('closed')
      if (isLate && !this.#isReady()) throw this.#notReady(timeoutMs)
      return this.#isReady() && (isLate || !this.#issuer.isPending)
    }, timeoutMs)
    this.#requireRightIssuer()
  }

  status(): VerifierStatus {
    const isWrong = this.#issuer.problem !== undefined
    const isFresh = !this.#closing && !isWrong && this.#isReady()
    const hasStarted = this.#keys.size > 0 && (this.#feed?.isLoaded ?? true)
    return {
      mode: this.#feed ? 'following' : 'offline',
      state: this.#closing
        ? 'closed'
        : isWrong
          ? 'misconfigured'
          : isFresh
            ? 'fresh'
            : hasStarted
              ? 'stale'
              : 'starting',
      isFresh,
      keys: this.#keys.size,
      lastError: this.#problems.last,
      ...(this.#feed?.status() ?? NO_FEED),
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#keys.close()
    this.#issuer.close()
    await this.#feed?.close()
    this.#changes.announce()
  }

  #requireToken(token: unknown): void {
    if (this.#closing) throw new VerifierError('closed')
    if (typeof token !== 'string' || token === '') throw new VerifierError('authentication_required')
  }

  /** With a wrong issuer, nobody knows whether the token is valid: 401 would sign every user out. */
  async #refuseUnknown(): Promise<never> {
    await this.#issuer.settled()
    this.#requireRightIssuer()
    throw new VerifierError('token_invalid')
  }

  #requireRightIssuer(): void {
    const { problem } = this.#issuer
    if (problem !== undefined) throw new VerifierError('keys_unavailable', `the verifier cannot work: ${problem}`)
  }

  #requireValid(token: string, principal: Principal): Principal {
    const refusal = this.#tokens.judge(token, principal)
    if (refusal !== undefined) throw new VerifierError(CODES[refusal])
    this.#feed?.record(principal)
    return principal
  }

  /** Milliseconds since the epoch: the issuer's clock if it is known, or else this machine's with the tolerance. */
  #clock(): number {
    return this.#feed?.clock() ?? Date.now() - this.#toleranceMs
  }

  #isReady(): boolean {
    return this.#keys.size > 0 && (this.#feed?.isFresh() ?? true)
  }

  #notReady(timeoutMs: number): VerifierError {
    const problems = this.#problems
    const missing = [
      ...(this.#keys.size === 0 ? [problems.of('keys') ?? 'the keys were not read'] : []),
      ...(this.#feed?.isFresh() === false ? [problems.of('feed') ?? 'the list of revocations is not complete'] : []),
    ]
    const code = this.#keys.size === 0 ? 'keys_unavailable' : 'revocations_stale'
    return new VerifierError(code, `the verifier is not ready after ${timeoutMs / 1000} s: ${missing.join('; ')}`)
  }

  #keysFetched(failure: RequestFailure | undefined): void {
    if (failure && this.#keys.size > 0 && this.#keys.failures < 2) {
      // One failure alone says little: an idle connection may have been closed at that moment.
    } else if (failure) {
      const effect = this.#keys.size > 0 ? 'the keys in memory are used' : 'no token can be verified'
      const level = this.#keys.size > 0 ? 'warn' : 'error'
      const kind = `${failure.kind} ${failure.status ?? ''} ${level}`
      this.#problems.report('keys', kind, `the public keys cannot be read: ${failure.message}; ${effect}`, level)
    } else {
      this.#problems.end('keys', 'the public keys can be read again')
      this.#issuer.start()
    }
    this.#changes.announce()
  }
}

const NO_FEED = {
  connected: false,
  position: undefined,
  revocations: 0,
  clockOffsetMs: undefined,
  verifierId: undefined,
  ageMs: undefined,
  ignoredEntries: 0,
  droppedSightings: 0,
}
