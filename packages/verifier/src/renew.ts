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

export type Renew = (
  request: RenewableRequest,
  how?: {
    /**
     * False if the answer to the request cannot set cookies: then Latchkey gives an access token only, and the refresh
     * cookie of the browser stays valid. Always so for a WebSocket.
     */
    readonly rotate?: boolean
  },
) => Promise<Renewal | undefined>

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

  return async (request, { rotate = request.headers.upgrade === undefined } = {}) => {
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

function readOptions(options: RenewOptions) {
  const {
    baseUrl,
    refreshCookie = '__Host-latchkey',
    timeoutMs = 5000,
    fetch = globalThis.fetch,
    clientAddress,
  } = options
  const url = typeof baseUrl === 'string' && URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '' || url.username !== '')
    throw new TypeError('createRenew: baseUrl must be the address of Latchkey, for example http://latchkey:3000.')
  if (!/^[\w-]{1,80}$/.test(refreshCookie) || refreshCookie.endsWith('-at'))
    throw new TypeError("createRenew: refreshCookie must be the name of Latchkey's refresh cookie, without -at.")
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 100 || timeoutMs > 30_000)
    throw new TypeError('createRenew: timeoutMs must be a whole number from 100 to 30000.')
  if (typeof fetch !== 'function') throw new TypeError('createRenew: fetch must be a function like the global fetch.')
  // biome-ignore lint/suspicious/noConsole: where nothing else is given, operators look there
  const { warn = (message: string) => console.warn(message) } = options
  return { baseUrl: url.href.replace(/\/+$/, ''), refreshCookie, timeoutMs, fetch, warn, clientAddress }
}
