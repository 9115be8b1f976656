import { LRUCache } from 'lru-cache'
import { LatchkeyError } from '../../lib/errors.js'
import { composedForm, foldedForm, textForm } from '../../lib/normalize.js'

/** The role of those who administer: they may use the admin routes. */
export const ADMIN_ROLE = 'admin'

/**
 * How many bytes the roles of a user may take together. Each role counts as {@link encodedRole} writes it, and three bytes
 * more for its quotation marks and the comma. It never takes more than that in an access token or in X-Auth-Roles. With
 * this limit a token usually fits into a cookie of 4096 bytes, also with RS256, and the header fits into the 4 KB in which
 * nginx reads an answer. The version before this one took at most 32 roles of 64 letters, which is the same.
 */
export const ROLES_MAX_BYTES = 2144

/**
 * The roles that a token and a header can carry, of those that somebody may have written into the database by hand. One
 * with a comma in it would be two to the service behind a gateway.
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

/** Whether two lists name the same roles. */
export function areSameRoles(some: readonly string[], others: readonly string[]): boolean {
  const wanted = new Set(others)
  return new Set(some).size === wanted.size && some.every(role => wanted.has(role))
}

/**
 * The roles as they are stored and compared: in NFC, and each of them once. NFC and not NFKC, because services know
 * the role by the name that it has in the system that it came from.
 *
 * @throws LatchkeyError invalid_role for what a header or a token could not carry
 */
export function normaliseRoles(roles: readonly string[]): string[] {
  const normal = [...new Set(roles.map(composedForm))]
  for (const role of normal) {
    const detail = faultOf(role)
    if (detail !== undefined) throw new LatchkeyError('invalid_role', { detail })
  }
  const bytes = normal.reduce((sum, role) => sum + bytesOf(role), 0)
  if (bytes > ROLES_MAX_BYTES)
    throw new LatchkeyError('invalid_role', {
      detail: `The roles take ${bytes} bytes; the maximum is ${ROLES_MAX_BYTES}.`,
    })
  return normal
}

/**
 * The name of a role that accounts have, in the form in which it is stored.
 *
 * @throws LatchkeyError invalid_role for what no account can have
 */
export function roleNamed(name: string): string {
  const role = composedForm(name)
  if (encodedBytes(role) > ROLES_MAX_BYTES) throw new LatchkeyError('invalid_role', { detail: RULE })
  return role
}

/**
 * The role with everything but letters and digits of ASCII and `_ . : -` percent-encoded as UTF-8 (RFC 3986, 2.1), so
 * that it has neither a comma nor a space nor a byte that a header can't have.
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

/** Every refresh asks, and the roles of a service are few: of those that are not plain the answers are kept. */
const judged = new LRUCache<string, number>({ max: 1000 })

/** What a role takes, or infinitely much for what can't be carried at all. */
function encodedBytes(role: unknown): number {
  if (typeof role !== 'string' || role.length > ROLES_MAX_BYTES) return Number.POSITIVE_INFINITY
  // What the version before this one carried is carried, a look-alike of `admin` too: nothing here takes it for that.
  if (PLAIN.test(role)) return role.length + 3
  let bytes = judged.get(role)
  if (bytes === undefined) {
    bytes = faultOf(role) === undefined ? bytesOf(role) : Number.POSITIVE_INFINITY
    judged.set(role, bytes)
  }
  return bytes
}

/** Letters, marks, numbers, punctuation and symbols, with single spaces between them. */
const FORM = /^(?:[\p{L}\p{M}\p{N}\p{P}\p{S}]+ )*[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u

/**
 * Those of them that nobody sees (see check-new-password.ts), what stands for a character that was lost, and the comma:
 * a service that decodes X-Auth-Roles before it splits it would read one role as two.
 */
const REFUSED = /[\p{Default_Ignorable_Code_Point}\u2800\u{16FE4}\u{1D159}\uFFFD,]/u

const RULE = 'Use letters, digits, symbols, punctuation except commas, and single spaces between them.'

/** Why it is no role, in a sentence; undefined if it is one. */
function faultOf(role: string): string | undefined {
  if (!FORM.test(role) || REFUSED.test(role) || composedForm(role) !== role) return RULE
  if (role !== ADMIN_ROLE && looksLikeAdmin(role))
    return `A role that looks like ${ADMIN_ROLE} must be spelt exactly ${ADMIN_ROLE}.`
  return undefined
}

/**
 * In upper case first: the dotless i has no other lower case, but the capital of the one with a dot. Without
 * backslashes, because the version before this one, which may run beside it, loses them when it reads the database.
 */
function looksLikeAdmin(role: string): boolean {
  return foldedForm(textForm(role.replaceAll('\\', '')).toUpperCase()) === ADMIN_ROLE
}
