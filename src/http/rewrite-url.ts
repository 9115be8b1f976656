/** Where gateways ask. Its refusals bear the security headers, and its empty 200 does without. */
export const GATEWAY_ADDRESS = '/auth/verify'

/** Where the questions of gateways lead that append the path and the query of their client (Envoy's ext_authz). */
export const ANY_REQUEST_ADDRESS = `${GATEWAY_ADDRESS}/-`

const ANY_REQUEST = `${GATEWAY_ADDRESS}/`
/** Its next part names the roles of which one must be held, percent-encoded, with commas between them. */
const ANY_REQUEST_WITH_ROLE = `${GATEWAY_ADDRESS}-role/`

/**
 * The address by which a request is routed: what a client added below an address for gateways is dropped, its query too,
 * before anybody tries to decode it. The two addresses have no common beginning that a client can go on from, so that
 * no path of a client turns one question into the other.
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

/** What stands for itself in a path and means something else in a query. A comma that is encoded stays so: it is no end. */
function inQuery(part: string): string {
  return part.replace(/[+&=;]/g, encodeURIComponent)
}

/** The first parts of all our addresses. */
const OUR_ADDRESS = /^\/(?:\.well-known|admin|api|auth|docs|livez|oauth|openapi\.json|readyz)(?:[/?]|$)/

/**
 * An address without PUBLIC_PATH, which some gateways strip and others pass on. It is dropped once, and only before an
 * address of ours: where PUBLIC_PATH is `/auth`, `/auth/auth/login` and `/auth/login` are the same.
 *
 * @param path PUBLIC_PATH, not empty
 */
export function withoutPublicPath(url: string, path: string): string {
  if (!url.startsWith(path)) return url
  const rest = url.slice(path.length)
  return OUR_ADDRESS.test(rest) ? rest : url
}
