/** The route for gateways. Its errors have the security headers, its empty 200 does not. */
export const VERIFY_PATH = '/auth/verify'

/** The route for gateways that append the path and the query of their client (Envoy's ext_authz). */
export const VERIFY_ANY_PATH = `${VERIFY_PATH}/-`

const VERIFY_PREFIX = `${VERIFY_PATH}/`
/** The next path segment names the accepted roles, percent-encoded and separated by commas. */
const VERIFY_ROLE_PREFIX = `${VERIFY_PATH}-role/`

/**
 * The URL by which a request is routed: for gateways that of their route, otherwise its own without a slash at the end.
 *
 * @param url without PUBLIC_PATH
 */
export function routedUrl(method: string, url: string): string {
  return url.startsWith(VERIFY_PATH) ? routedGatewayUrl(url) : withoutFinalSlash(method, url)
}

/** These routes have their own rules for a slash at the end: Swagger UI, and the routes of older systems. */
const KEEPS_SLASH = /^\/(?:docs|api\/token)(?:\/|$)/

/**
 * Resources that have others below them. A DELETE of one of these with a slash at the end is one of an element whose id is
 * empty, as of a script whose variable is unset. It must not delete the whole, so the slash stays, and the request is
 * refused. The router decodes the path, so an encoded one is not compared.
 */
const CONTAINER_TO_DELETE = /\/sessions$|^\/admin\/users\/[^/]*$|%/

/** Removes one slash at the end of the path, which some client libraries add. The path / stays. */
function withoutFinalSlash(method: string, url: string): string {
  const queryAt = url.indexOf('?')
  const path = queryAt === -1 ? url : url.slice(0, queryAt)
  if (path.length < 2 || !path.endsWith('/') || KEEPS_SLASH.test(path)) return url
  const shorter = path.slice(0, -1)
  if (shorter.endsWith('/') || (method === 'DELETE' && CONTAINER_TO_DELETE.test(shorter))) return url
  return queryAt === -1 ? shorter : shorter + url.slice(queryAt)
}

/**
 * The URL by which a gateway's request is routed. Below the paths for gateways, the client's path and query are removed before
 * anything decodes them. Neither path is a prefix of the other, so a client's path cannot turn a request for one into
 * a request for the other.
 *
 *     /auth/verify/api/orders?page=2               → /auth/verify/-
 *     /auth/verify-role/editor,author/api/orders   → /auth/verify/-?role=editor&role=author
 *     /auth/verify-role/%2Fstaff%2Fit/api/orders   → /auth/verify/-?role=%2Fstaff%2Fit
 */
function routedGatewayUrl(url: string): string {
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
const OUR_ROUTES =
  /^\/(?:\.well-known|account|admin|api|auth|docs|global-token-revocation|livez|oauth|openapi\.json|readyz|ssf)(?:[/?]|$)/

/** Routes with a single segment. */
const OUR_PAGES = /^\/(?:account|docs|global-token-revocation|livez|openapi\.json|readyz)$/

/**
 * Removes PUBLIC_PATH, which some gateways strip and others pass on. It is removed once, and only before a path of one of
 * our routes: if PUBLIC_PATH is `/auth`, `/auth/auth/login` and `/auth/login` are the same.
 *
 * @param path PUBLIC_PATH, not empty
 * @param prefix ENVELOPE_PREFIX, if there are routes below it
 */
export function withoutPublicPath(url: string, path: string, prefix?: string): string {
  if (!url.startsWith(path)) return url
  const rest = url.slice(path.length)
  if (OUR_ROUTES.test(rest) || (prefix !== undefined && rest.startsWith(`${prefix}/`))) return rest
  // `/identity` and `/identity/` are the root. But if PUBLIC_PATH is `/docs`, a gateway that strips it means the page.
  const root = /^\/?(?=\?|$)/.exec(rest)
  return root && !OUR_PAGES.test(path) ? `/${rest.slice(root[0].length)}` : url
}
