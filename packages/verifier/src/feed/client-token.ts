import { backOffMs } from '../transport/back-off.js'
import { requestJson, type Transport } from '../transport/request.js'
import { RequestFailure } from '../transport/request-failure.js'
import { type ClientCredentials, credentialAdvice, credentialParts } from './client-credentials.js'

export interface ClientTokenOptions {
  transport: Transport
  client: ClientCredentials
  /** The `iss` of the tokens: the audience of assertions that the client signs. By default the address. */
  issuer?: string
  /** Monotonic milliseconds. */
  monotonic(): number
  /** How long to wait at most after a failure that may pass; 10 s by default. */
  longestPauseMs?(): number
}

const TIMEOUT_MS = 5000
const MAX_BYTES = 64 * 1024
/** How long a refused id or secret is not tried again: only an operator can correct it. */
const REFUSED_PAUSE = { firstMs: 10_000, mostMs: 60_000 }

interface HeldToken {
  value: string
  renewAtMs: number
  /** When the next token is waited for. Before, this one is still sent. */
  unusableAtMs: number
}

/**
 * The access token of the client (RFC 6749, 4.4), with the scope `revocations` only, so that a copy of it can do nothing
 * else. It is renewed at a random moment in the second half of its lifetime, when it is next needed.
 */
export class ClientToken {
  readonly #options: ClientTokenOptions
  #held: HeldToken | undefined
  #asking: Promise<string> | undefined
  #controller: AbortController | undefined
  #failures = 0
  #failure: RequestFailure | undefined
  #askAgainAtMs = Number.NEGATIVE_INFINITY
  #isClosed = false

  constructor(options: ClientTokenOptions) {
    this.#options = options
  }

  /**
   * A token that is valid for a while. After a failure, callers get the same failure until it is time to ask again.
   *
   * @throws RequestFailure
   */
  async get(): Promise<string> {
    const nowMs = this.#options.monotonic()
    const held = this.#held
    if (held && nowMs < held.renewAtMs) return held.value
    if (held && nowMs < held.unusableAtMs) {
      this.#ask().catch(() => {})
      return held.value
    }
    return this.#ask()
  }

  /** The service refused this token, so that the next caller gets another one. */
  forget(token: string): void {
    if (this.#held?.value === token) this.#held = undefined
  }

  close(): void {
    this.#isClosed = true
    this.#held = undefined
    this.#controller?.abort()
  }

  #ask(): Promise<string> {
    const { monotonic } = this.#options
    if (this.#failure && monotonic() < this.#askAgainAtMs) return Promise.reject(this.#failure)
    this.#asking ??= this.#request().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #request(): Promise<string> {
    const { transport, client, issuer = transport.baseUrl, monotonic, longestPauseMs = () => 10_000 } = this.#options
    const askedAtMs = monotonic()
    this.#controller = new AbortController()
    if (this.#isClosed) this.#controller.abort()
    try {
      const { headers, fields } = await credentialParts(client, issuer)
      const { value } = await requestJson(transport, '/oauth/token', {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'revocations', ...fields }).toString(),
        controller: this.#controller,
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_BYTES,
      })
      const { token, lifetimeMs } = readAnswer(value)
      this.#failures = 0
      this.#failure = undefined
      this.#held = {
        value: token,
        renewAtMs: askedAtMs + lifetimeMs * (0.5 + 0.3 * Math.random()),
        unusableAtMs: askedAtMs + lifetimeMs * 0.95,
      }
      return token
    } catch (error) {
      this.#failures++
      const failure = explain(error as RequestFailure, client)
      this.#failure = failure
      this.#askAgainAtMs =
        monotonic() + backOffMs(this.#failures, isRefusal(failure) ? REFUSED_PAUSE : { mostMs: longestPauseMs() })
      throw failure
    }
  }
}

function readAnswer(value: unknown): { token: string; lifetimeMs: number } {
  const { access_token: token, expires_in: seconds } = (value ?? {}) as Record<string, unknown>
  if (typeof token !== 'string' || !/^[\w.~+/=-]{1,8192}$/.test(token))
    throw new RequestFailure('content', 'POST /oauth/token: the answer has no access token')
  const isKnown = typeof seconds === 'number' && seconds >= 1
  return { token, lifetimeMs: Math.min(isKnown ? seconds : 60, 3600) * 1000 }
}

/** Whether only an operator can correct it. */
export function isRefusal({ kind, status }: RequestFailure): boolean {
  return (
    kind === 'redirect' ||
    (kind === 'refused' && (status === 400 || status === 401 || status === 403 || status === 404))
  )
}

/** Says what to do. */
function explain(failure: RequestFailure, client: ClientCredentials): RequestFailure {
  const { kind, message, status, code, retryAfterSeconds } = failure
  const advice =
    code === 'invalid_client' || status === 401
      ? credentialAdvice(client)
      : code === 'invalid_scope'
        ? 'give the client the scope `revocations`'
        : status === 404 || kind === 'redirect'
          ? 'check `baseUrl`'
          : undefined
  return advice
    ? new RequestFailure(kind, `${message}: ${advice}`, { status: status!, code, retryAfterSeconds })
    : failure
}
