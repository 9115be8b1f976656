import type { SentHeaders, SentRequest } from './sent-token.js'

/**
 * Whether a request can only read, so that a page of another site gains nothing by sending it: it cannot read the
 * answer. A WebSocket begins with a GET, but then any page reads and writes, because browsers do not apply CORS to it.
 */
export function onlyReads({ method, headers }: SentRequest): boolean {
  return method !== undefined && SAFE_METHODS.has(method) && headers.upgrade === undefined
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Whether a request comes from our own pages, from an allowed origin, or from a client that is not a browser. Browsers
 * send `Sec-Fetch-Site` to https and to localhost; all others send `Origin` with every POST and every WebSocket. A client
 * that sends neither adds its cookies itself. `same-site` is not enough: another subdomain can belong to another party.
 *
 * @param origins the allowed origins; without them, the origin whose host is in the header `Host`
 */
export function isFromOwnSite(headers: SentHeaders, origins: readonly string[] | undefined): boolean {
  // HTTP/2 has `:authority` in place of `Host`.
  const { 'sec-fetch-site': fetchSite, origin, ':authority': authority, host = authority } = headers
  if (fetchSite === 'same-origin') return true
  if (typeof origin === 'string' && origins?.includes(origin)) return true
  if (fetchSite !== undefined) return false
  if (origin === undefined) return true
  return origins === undefined && typeof origin === 'string' && typeof host === 'string' && hostOf(origin) === host
}

/** The host of an origin, with its port if that is not the default. Undefined for `null`, which a sandboxed page sends. */
function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/.exec(origin)?.[1]
}
