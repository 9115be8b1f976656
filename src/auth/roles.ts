import { LatchkeyError } from '../errors.js'

/** The role of those who administer: they may use the admin routes. */
export const ADMIN_ROLE = 'admin'

/**
 * Roles travel in a header, joined by commas, and in every access token: they are of what both can carry, which is visible
 * ASCII without the comma and what JSON and headers quote with, and single spaces within.
 */
const ROLE = /^[!#-+\--[\]-~]+(?: [!#-+\--[\]-~]+)*$/

/** An access token has room for 4,096 characters in all. Each role costs the quotes and the comma around it, too. */
const MAX_BYTES = 2144
const BYTES_AROUND = 3

/**
 * The roles that a header and a token can carry, of those that somebody may have written into the database by hand. One
 * with a comma in it would be two to the service behind a gateway.
 */
export function carriableRoles(roles: readonly string[]): string[] {
  let bytes = 0
  return roles.filter(role => {
    if (typeof role !== 'string' || !ROLE.test(role) || bytes + role.length + BYTES_AROUND > MAX_BYTES) return false
    bytes += role.length + BYTES_AROUND
    return true
  })
}

/** Whether two lists name the same roles. */
export function areSameRoles(some: readonly string[], others: readonly string[]): boolean {
  const wanted = new Set(others)
  return new Set(some).size === wanted.size && some.every(role => wanted.has(role))
}

/**
 * Refuses roles that a header or a token could not carry.
 *
 * @throws LatchkeyError invalid_role
 */
export function checkRoles(roles: readonly string[]): void {
  if (roles.some(role => !ROLE.test(role)))
    throw new LatchkeyError('invalid_role', {
      detail: 'Use ASCII letters, digits, single spaces and signs, but no comma, quotation mark or backslash.',
    })
  if (carriableRoles(roles).length < roles.length)
    throw new LatchkeyError('invalid_role', {
      detail: `Use at most ${MAX_BYTES} characters for all roles together, of which each takes ${BYTES_AROUND} more.`,
    })
}
