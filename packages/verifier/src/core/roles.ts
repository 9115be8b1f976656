import { RecentlyUsed } from './recently-used.js'

/** The role that gives access to the admin routes of Latchkey. */
export const ADMIN_ROLE = 'admin'

/**
 * The maximum size of all roles of a user, in bytes. Each role counts as {@link encodedRole} writes it, plus three
 * bytes for its quotation marks and the comma. It never takes more in an access token or in X-Auth-Roles. With this
 * limit a token usually fits into a cookie of 4096 bytes, even with RS256, and the header fits into the 4 KB that nginx
 * reserves for the headers of an answer. The previous version accepted 32 roles of 64 letters, which is the same size.
 */
export const ROLES_MAX_BYTES = 2144

/**
 * Those of the roles that can be written in a token and a header. The others were written into the database by hand: a
 * service behind a gateway would read a role with a comma as two.
 */
export function encodableRoles(roles: readonly string[]): string[] {
  let left = ROLES_MAX_BYTES
  return roles.filter(role => {
    const bytes = sizeOfRole(role)
    if (bytes > left) return false
    left -= bytes
    return true
  })
}

/**
 * The role, percent-encoded as UTF-8 (RFC 3986, 2.1) except for ASCII letters, ASCII digits and `_ . : -`, so that it
 * has no comma, no space and no byte that a header cannot contain.
 */
export function encodedRole(role: string): string {
  if (PLAIN.test(role)) return role
  return encodeURIComponent(role)
    .replaceAll('%3A', ':')
    .replace(/[!~*'()]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

const PLAIN = /^[A-Za-z0-9_.:-]+$/

/** Sizes of the roles that are not plain: every refresh needs them, and a service has few roles. */
const knownSizes = new RecentlyUsed<string, number>(1000)

/** How many bytes a role takes; infinity if it cannot be encoded. */
export function sizeOfRole(role: unknown): number {
  if (typeof role !== 'string' || role.length > ROLES_MAX_BYTES) return Number.POSITIVE_INFINITY
  // What the previous version accepted stays valid, even a role that looks like `admin`: nothing here treats it as
  // such.
  if (PLAIN.test(role)) return role.length + 3
  let bytes = knownSizes.get(role)
  if (bytes === undefined) {
    bytes = problemWithRole(role) === undefined ? encodedRole(role).length + 3 : Number.POSITIVE_INFINITY
    knownSizes.set(role, bytes)
  }
  return bytes
}

/** Letters, marks, numbers, punctuation and symbols, with single spaces between them. */
const FORM = /^(?:[\p{L}\p{M}\p{N}\p{P}\p{S}]+ )*[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u

/**
 * Invisible characters among them, the replacement character, and the comma: a service that decodes X-Auth-Roles before
 * it splits the list would read one role as two.
 */
const REFUSED = /[\p{Default_Ignorable_Code_Point}\u2800\u{16FE4}\u{1D159}\uFFFD,]/u

/** Why no account can be given a role: its characters, or that it looks like `admin`. Undefined if it is valid. */
export function problemWithRole(role: string): 'characters' | 'looks_like_admin' | undefined {
  if (!FORM.test(role) || REFUSED.test(role) || role.normalize('NFC') !== role) return 'characters'
  return role !== ADMIN_ROLE && looksLikeAdmin(role) ? 'looks_like_admin' : undefined
}

/**
 * Converts to upper case first: there the dotless i and the i with a dot are the same letter. Without backslashes,
 * because the previous version, which may run at the same time, loses them when it reads the database.
 */
function looksLikeAdmin(role: string): boolean {
  const upper = role.replaceAll('\\', '').normalize('NFKC').toUpperCase()
  return upper.normalize('NFKC').toLowerCase().normalize('NFKC') === ADMIN_ROLE
}
