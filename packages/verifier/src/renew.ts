import { aFunction, checkOptions, refuseOption, wholeNumber } from './check-options.js'
import { carriesOwnCookie, ownCookies } from './renewal/own-cookies.js'
import { type RefreshAnswer, requestRefresh } from './renewal/request-refresh.js'
import { VerifierError } from './verifier-error.js'

export { cookiesAfter } from './renewal/cookies-after.js'

// No import of Node: this file also runs where only the fetch API exists.

export interface RenewOptions {
  /**
   * Where this service reaches Latchkey, with PUBLIC_PATH if a gateway on the way needs it: `http://latchkey:3000`,
   * `https://example.com/identity`.
   */
  readonly baseUrl: string
  /**
   * The name of the refresh cookie, with its prefix: `__Host-` by default, `__Secure-` if Latchkey has COOKIE_DOMAIN or
   * COOKIE_PATH, none with COOKIE_INSECURE. `__Host-latchkey` by default.
   */
  readonly refreshCookie?: string
  /** After how long a refresh is given up; then the request is answered with 503. 100 to 30,000; 5,000 by default. */
  readonly timeoutMs?: number
  /**
   * The address of the client, for Latchkey's list of sessions. By default, the header `X-Forwarded-For` of the request
   * followed by the address of its connection, as a proxy sends it. Latchkey reads it only if TRUST_PROXY contains the
   * address of this service.
   */
  clientAddress?(request: RenewableRequest): string | undefined
  /** Sends the refresh; the global `fetch` by default. */
  readonly fetch?: typeof fetch
  /** Gets a sentence if refreshes fail, at most once a minute. `console.warn` by default. It contains no secret. */
  warn?(message: string): void
}

/** The part of a request that is read. Requests of `node:http` and of frameworks over it fit. */
export interface RenewableRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined
}

export interface Renewal {
  /** The new access token. Undefined if there is none: see `refusal`. */
  readonly accessToken?: string | undefined
  /** The values of the headers `Set-Cookie` that the browser must get. */
  readonly setCookies: readonly string[]
  /**
   * Latchkey's error code if it refused. After `refresh_token_superseded` the session continues, and the browser's next
   * request has a newer cookie. After any other code the user must sign in.
   */
  readonly refusal?: string | undefined
}

export interface Renew {
  (
    request: RenewableRequest,
    how?: {
      /**
       * False if the answer to the request cannot set cookies: then Latchkey gives an access token only, and the refresh
       * cookie of the browser stays valid. Always so for a WebSocket.
       */
      readonly rotate?: boolean
    },
  ): Promise<Renewal | undefined>
  /** The name of the refresh cookie, which no adapter accepts as the access cookie. */
  readonly refreshCookie?: string
}

/**
 * Creates the function that renews the access cookie of a request with its refresh cookie, by a refresh at Latchkey. Give
 * it to an adapter as the option `renew`, or call it. It returns undefined if the request has no refresh cookie. Requests
 * with the same cookies that come at the same time share one refresh.
 *
 * @throws TypeError if the options are wrong; the function throws VerifierError refresh_unavailable if Latchkey cannot be
 *   asked, which signs nobody out
 */
export function createRenew(options: RenewOptions): Renew {
  const { baseUrl, refreshCookie, timeoutMs, fetch, warn, clientAddress } = readOptions(options)
  const inFlight = new Map<string, Promise<RefreshAnswer>>()
  const warnSometimes = throttled(warn)

  const renew: Renew = async (request, { rotate = request.headers.upgrade === undefined } = {}) => {
    const cookie = ownCookies(request.headers.cookie, refreshCookie)
    if (!carriesOwnCookie(cookie, refreshCookie)) return undefined
    const headers = {
      cookie,
      ...passedOn(request, 'user-agent'),
      ...passedOn(request, 'x-request-id'),
      ...forwardedFor(clientAddress ? clientAddress(request) : addressesOf(request)),
    }
    // Two browsers with the same cookies, one of them a thief's, must get separate answers: their marks tell them apart.
    const key = JSON.stringify([rotate, cookie, headers['user-agent'], headers['x-forwarded-for']])
    let asked = inFlight.get(key)
    if (!asked) {
      const sent = requestRefresh({ baseUrl, refreshCookie, timeoutMs, fetch, rotate, headers })
      asked = sent.finally(() => inFlight.delete(key))
      inFlight.set(key, asked)
    }
    const answer = await asked
    if (!('failure' in answer)) return answer
    warnSometimes(`latchkey verifier: ${answer.failure}`)
    throw new VerifierError('refresh_unavailable', answer.failure, { retryAfterSeconds: answer.retryAfterSeconds ?? 1 })
  }
  return Object.assign(renew, { refreshCookie })
}

/** A header as it was received. Node joins repeated ones or keeps the first; a list is not passed on. */
function passedOn<Name extends string>({ headers }: RenewableRequest, name: Name): { [N in Name]?: string } {
  const value = headers[name]
  return (typeof value === 'string' && value.length <= MAX_HEADER_LENGTH ? { [name]: value } : {}) as {
    [N in Name]?: string
  }
}

const MAX_HEADER_LENGTH = 1024

function addressesOf({ headers, socket }: RenewableRequest): string | undefined {
  const received = [headers['x-forwarded-for'] ?? []].flat().join(', ')
  // The nearest addresses are the last ones.
  const known =
    received.length > MAX_HEADER_LENGTH ? received.slice(received.indexOf(',', -MAX_HEADER_LENGTH) + 1) : received
  return [known.trim(), socket?.remoteAddress ?? ''].filter(address => address !== '').join(', ') || undefined
}

function forwardedFor(addresses: string | undefined): { 'x-forwarded-for'?: string } {
  return addresses === undefined ? {} : { 'x-forwarded-for': addresses }
}

const WARN_EVERY_MS = 60_000

function throttled(warn: (message: string) => void): (message: string) => void {
  let warnedAtMs = Number.NEGATIVE_INFINITY
  return message => {
    if (performance.now() - warnedAtMs < WARN_EVERY_MS) return
    warnedAtMs = performance.now()
    warn(message)
  }
}

const OPTIONS = {
  baseUrl: { accepts: isAddress, allowed: 'the address of Latchkey, for example http://latchkey:3000' },
  refreshCookie: {
    accepts: (value: unknown) => typeof value === 'string' && /^[\w-]{1,80}$/.test(value) && !value.endsWith('-at'),
    allowed: "the name of Latchkey's refresh cookie, without -at",
  },
  timeoutMs: wholeNumber(100, 30_000),
  clientAddress: aFunction(' that returns the address of the client'),
  fetch: aFunction(' like the global fetch'),
  warn: aFunction(' that gets a sentence'),
}

function readOptions(options: RenewOptions) {
  checkOptions('createRenew', options, OPTIONS)
  const {
    baseUrl,
    refreshCookie = '__Host-latchkey',
    timeoutMs = 5000,
    fetch = globalThis.fetch,
    clientAddress,
    // biome-ignore lint/suspicious/noConsole: where nothing else is given, operators look there
    warn = (message: string) => console.warn(message),
  } = options
  if (!isAddress(baseUrl)) refuseOption('createRenew', 'baseUrl', `is required: ${OPTIONS.baseUrl.allowed}`)
  return { baseUrl: new URL(baseUrl).href.replace(/\/+$/, ''), refreshCookie, timeoutMs, fetch, warn, clientAddress }
}

function isAddress(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { protocol, search, hash, username } = new URL(value)
  return /^https?:$/.test(protocol) && search === '' && hash === '' && username === ''
}
