/** What the address says that a gateway requests. */
export interface Address {
  readonly requiredRoles: readonly (readonly string[])[]
  /** What follows the gateway's own part: the client's path and query, if the gateway appends them (Envoy). */
  readonly rest: string
  /** The query is not only the roles that the gateway requires. */
  readonly hasUnknownQuery: boolean
}

const VERIFY = '/auth/verify'
const VERIFY_ROLE = `${VERIFY}-role/`

/**
 * Reads the address of a gateway's request, which is the same as for Latchkey itself: `/auth/verify`, with `?role=` if the
 * user must have one of these roles, `/auth/verify/…`, or `/auth/verify-role/editor,author/…`. Undefined for any other.
 *
 * @param url of the request, not decoded
 */
export function readAddress(url: string): Address | undefined {
  if (!url.startsWith(VERIFY)) return undefined
  const rest = url.slice(VERIFY.length)
  if (rest.startsWith('/')) return { requiredRoles: [], rest, hasUnknownQuery: false }
  if (rest === '') return { requiredRoles: [], rest: '/', hasUnknownQuery: false }
  if (rest.startsWith('?')) return ofQuery(rest)
  if (!url.startsWith(VERIFY_ROLE)) return undefined
  const [roles = ''] = url.slice(VERIFY_ROLE.length).split(/[/?#]/, 1)
  const after = url.slice(VERIFY_ROLE.length + roles.length)
  return {
    requiredRoles: [roles.split(',').map(decodedRole)],
    rest: after.startsWith('/') ? after : `/${after}`,
    hasUnknownQuery: false,
  }
}

function ofQuery(query: string): Address {
  const parameters = [...new URLSearchParams(query)]
  const roles = parameters.filter(([name]) => name === 'role').map(([, value]) => value)
  return {
    requiredRoles: roles.length > 0 ? [roles] : [],
    rest: `/${query}`,
    hasUnknownQuery: roles.length < parameters.length,
  }
}

/** A role that is not encoded well is one that nobody has. */
function decodedRole(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
