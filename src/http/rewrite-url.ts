/** The route for gateways. Its errors have the security headers, its empty 200 does not. */
export const GATEWAY_ADDRESS = '/auth/verify'

/** The route for gateways that append the path and the query of their client (Envoy's ext_authz). */
export const ANY_REQUEST_ADDRESS = `${GATEWAY_ADDRESS}/-`

const ANY_REQUEST = `${GATEWAY_ADDRESS}/`
/** The next path segment names the accepted roles, percent-encoded and separated by commas. */
const ANY_REQUEST_WITH_ROLE = `${GATEWAY_ADDRESS}-role/`

/**
 * The URL by which a request is routed. Below the addresses for gateways, the client's path and query are removed before
 * anything decodes them. Neither address is a prefix of the other, so a client's path cannot turn a request for one into
 * a request for the other.
 *
 *     /auth/verify/api/orders?page=2               → /auth/verify/-
 *     /auth/verify-role/editor,author/api/orders   → /auth/verify/-?role=editor&role=author
 *     /auth/verify-role/%2Fstaff%2Fit/api/orders   → /auth/verify/-?role=%2Fstaff%2Fit
 */
export function routedUrl(url: string): string {
  if (!url.startsWith(GATEWAY_ADDRESS)) return url
  if (url.startsWith(ANY_REQUEST)) return ANY_REQUEST_ADDRESS
  if (!url.startsWith(ANY_REQUEST_WITH_ROLE)) return url
  const [roles = ''] = url.slice(ANY_REQUEST_WITH_ROLE.length).split(/[/?#]/, 1)
  return `${ANY_REQUEST_ADDRESS}?${roles
    .split(',')
    .map(role => `role=${inQuery(role)}`)
    .join('&')}`
}

/** Encodes the characters that are literal in a path but have a meaning in a query. An encoded comma stays encoded. */
function inQuery(part: string): string {
  return part.replace(/[+&=;]/g, encodeURIComponent)
}

/** The first path segments of all our routes. */
const OUR_ADDRESS = /^\/(?:\.well-known|admin|api|auth|docs|livez|oauth|openapi\.json|readyz)(?:[/?]|$)/

/**
 * Removes PUBLIC_PATH, which some gateways strip and others pass on. It is removed once, and only before a path of one of
 * our routes: if PUBLIC_PATH is `/auth`, `/auth/auth/login` and `/auth/login` are the same.
 *
 * @param path PUBLIC_PATH, not empty
 */
export function withoutPublicPath(url: string, path: string): string {
  if (!url.startsWith(path)) return url
  const rest = url.slice(path.length)
  return OUR_ADDRESS.test(rest) ? rest : url
}
