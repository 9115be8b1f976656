/** The route for gateways. Its errors have the security headers, its empty 200 does not. */
export const VERIFY_PATH = '/auth/verify'

/** The route for gateways that append the path and the query of their client (Envoy's ext_authz). */
export const VERIFY_ANY_PATH = `${VERIFY_PATH}/-`

const VERIFY_PREFIX = `${VERIFY_PATH}/`
/** The next path segment names the accepted roles, percent-encoded and separated by commas. */
const VERIFY_ROLE_PREFIX = `${VERIFY_PATH}-role/`

/**
 * The URL by which a request is routed. Below the paths for gateways, the client's path and query are removed before
 * anything decodes them. Neither path is a prefix of the other, so a client's path cannot turn a request for one into
 * a request for the other.
 *
 *     /auth/verify/api/orders?page=2               → /auth/verify/-
 *     /auth/verify-role/editor,author/api/orders   → /auth/verify/-?role=editor&role=author
 *     /auth/verify-role/%2Fstaff%2Fit/api/orders   → /auth/verify/-?role=%2Fstaff%2Fit
 */
export function routedUrl(url: string): string {
  if (!url.startsWith(VERIFY_PATH)) return url
  if (url.startsWith(VERIFY_PREFIX)) return VERIFY_ANY_PATH
  if (!url.startsWith(VERIFY_ROLE_PREFIX)) return url
  const [roles = ''] = url.slice(VERIFY_ROLE_PREFIX.length).split(/[/?#]/, 1)
  return `${VERIFY_ANY_PATH}?${roles
    .split(',')
    .map(role => `role=${inQuery(role)}`)
    .join('&')}`
}

/** Encodes the characters that are literal in a path but have a meaning in a query. An encoded comma stays encoded. */
function inQuery(part: string): string {
  return part.replace(/[+&=;]/g, encodeURIComponent)
}

/** The first path segments of all our routes. */
const OUR_ROUTES = /^\/(?:\.well-known|admin|api|auth|docs|livez|oauth|openapi\.json|readyz)(?:[/?]|$)/

/**
 * Removes PUBLIC_PATH, which some gateways strip and others pass on. It is removed once, and only before a path of one of
 * our routes: if PUBLIC_PATH is `/auth`, `/auth/auth/login` and `/auth/login` are the same.
 *
 * @param path PUBLIC_PATH, not empty
 */
export function withoutPublicPath(url: string, path: string): string {
  if (!url.startsWith(path)) return url
  const rest = url.slice(path.length)
  return OUR_ROUTES.test(rest) ? rest : url
}
