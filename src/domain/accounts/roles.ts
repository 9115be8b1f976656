import { LRUCache } from 'lru-cache'
import { fieldError } from '../../lib/errors.js'
import { composedForm, foldedForm, textForm } from '../../lib/normalize.js'

/** The role that gives access to the admin routes. */
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
    const bytes = encodedBytes(role)
    if (bytes > left) return false
    left -= bytes
    return true
  })
}

/** Whether two lists contain the same roles. */
export function areSameRoles(some: readonly string[], others: readonly string[]): boolean {
  const wanted = new Set(others)
  return new Set(some).size === wanted.size && some.every(role => wanted.has(role))
}

/**
 * The normal form of roles, in which they are stored and compared: NFC, without duplicates. Not NFKC, because services
 * know a role by its name in the system that it came from.
 *
 * @throws LatchkeyError invalid_role if a role cannot be written in a header or a token, or all take too many bytes
 */
export function normaliseRoles(roles: readonly string[]): string[] {
  const normal = [...new Set(roles.map(composedForm))]
  for (const role of normal) {
    const problem = problemWith(role)
    if (problem !== undefined) throw fieldError('invalid_role', 'roles', problem.message, { detail: problem.detail })
  }
  const bytes = normal.reduce((sum, role) => sum + bytesOf(role), 0)
  if (bytes > ROLES_MAX_BYTES)
    throw fieldError('invalid_role', 'roles', `are too long: at most ${ROLES_MAX_BYTES} bytes together`, {
      detail: `The roles take ${bytes} bytes; the maximum is ${ROLES_MAX_BYTES}.`,
    })
  return normal
}

/**
 * The normal form of one role.
 *
 * @throws LatchkeyError invalid_role if no account can have it
 */
export function roleNamed(name: string): string {
  const role = composedForm(name)
  if (encodedBytes(role) > ROLES_MAX_BYTES)
    throw fieldError('invalid_role', 'role', RULE.message, { detail: RULE.detail })
  return role
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

function bytesOf(role: string): number {
  return encodedRole(role).length + 3
}

/** Sizes of the roles that are not plain: every refresh needs them, and a service has few roles. */
const knownSizes = new LRUCache<string, number>({ max: 1000 })

/** How many bytes a role takes; infinity if it cannot be encoded. */
function encodedBytes(role: unknown): number {
  if (typeof role !== 'string' || role.length > ROLES_MAX_BYTES) return Number.POSITIVE_INFINITY
  // What the previous version accepted stays valid, even a role that looks like `admin`: nothing here treats it as
  // such.
  if (PLAIN.test(role)) return role.length + 3
  let bytes = knownSizes.get(role)
  if (bytes === undefined) {
    bytes = problemWith(role) === undefined ? bytesOf(role) : Number.POSITIVE_INFINITY
    knownSizes.set(role, bytes)
  }
  return bytes
}

/** Letters, marks, numbers, punctuation and symbols, with single spaces between them. */
const FORM = /^(?:[\p{L}\p{M}\p{N}\p{P}\p{S}]+ )*[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u

/**
 * Invisible characters among them (see check-new-password.ts), the replacement character, and the comma: a service that
 * decodes X-Auth-Roles before it splits the list would read one role as two.
 */
const REFUSED = /[\p{Default_Ignorable_Code_Point}\u2800\u{16FE4}\u{1D159}\uFFFD,]/u

/** Why a role is invalid: a sentence, and the end of a sentence that begins with the field. */
interface RoleProblem {
  detail: string
  message: string
}

const ALLOWED = 'letters, digits, symbols, punctuation except commas, and single spaces between them'
const RULE: RoleProblem = { detail: `Use ${ALLOWED}.`, message: `can contain only ${ALLOWED}` }
const NOT_QUITE_ADMIN: RoleProblem = {
  detail: `A role that looks like ${ADMIN_ROLE} must be spelt exactly ${ADMIN_ROLE}.`,
  message: `contain a role that looks like ${ADMIN_ROLE}: spell it exactly ${ADMIN_ROLE}`,
}

/** Undefined if the role is valid. */
function problemWith(role: string): RoleProblem | undefined {
  if (!FORM.test(role) || REFUSED.test(role) || composedForm(role) !== role) return RULE
  return role !== ADMIN_ROLE && looksLikeAdmin(role) ? NOT_QUITE_ADMIN : undefined
}

/**
 * Converts to upper case first: there the dotless i and the i with a dot are the same letter. Without backslashes,
 * because the previous version, which may run at the same time, loses them when it reads the database.
 */
function looksLikeAdmin(role: string): boolean {
  return foldedForm(textForm(role.replaceAll('\\', '')).toUpperCase()) === ADMIN_ROLE
}
