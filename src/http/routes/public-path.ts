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
