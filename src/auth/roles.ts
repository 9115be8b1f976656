import { LatchkeyError } from '../errors.js'

/** The role of those who administer: they may use the admin routes. */
export const ADMIN_ROLE = 'admin'

/** Roles travel in a header, joined by commas, and in every access token: what they may be made of is little. */
const ROLE = /^[A-Za-z0-9_.:-]{1,64}$/
const MAX_ROLES = 32

/**
 * The roles that a header and a token can carry, of those that somebody may have written into the database by hand. One
 * with a comma in it would be two to the service behind a gateway.
 */
export function carriableRoles(roles: readonly string[]): string[] {
  return roles.filter(role => typeof role === 'string' && ROLE.test(role)).slice(0, MAX_ROLES)
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
  const wrong = roles.find(role => !ROLE.test(role))
  if (wrong !== undefined)
    throw new LatchkeyError('invalid_role', { detail: 'Use up to 64 letters, digits and the characters _ . : -' })
  if (roles.length > MAX_ROLES) throw new LatchkeyError('invalid_role', { detail: `Use at most ${MAX_ROLES} roles.` })
}
