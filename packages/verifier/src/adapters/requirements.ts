import type { Principal } from '../types.js'
import { VerifierError } from '../verifier-error.js'

/** What a principal must fulfil. Throws a VerifierError if it does not. */
export type Requirement = (principal: Principal) => void

/**
 * Requires one of several roles.
 *
 * @throws TypeError if no role is given: then nobody could be admitted
 */
export function roleRequirement(roles: readonly string[]): Requirement {
  if (roles.length === 0 || !roles.every(role => typeof role === 'string' && role !== ''))
    throw new TypeError("requireRole needs one or more names of roles: requireRole('editor', 'admin').")
  return principal => {
    if (!roles.some(role => principal.roles.includes(role))) throw new VerifierError('insufficient_role')
  }
}

/**
 * Requires that the user signed in at most this many seconds ago (RFC 9470). Refreshing does not count as signing in.
 *
 * @param now seconds since the epoch, by the clock of the issuer
 * @throws TypeError if the number is no positive whole number
 */
export function recentAuthRequirement(maxAgeSeconds: number, now: () => number): Requirement {
  if (!Number.isSafeInteger(maxAgeSeconds) || maxAgeSeconds < 1)
    throw new TypeError('requireRecentAuth needs a whole number of seconds: requireRecentAuth(300).')
  return ({ authTime }) => {
    if (authTime + maxAgeSeconds < now())
      throw new VerifierError('insufficient_user_authentication', undefined, {
        challenge:
          'Bearer error="insufficient_user_authentication", ' +
          `error_description="A more recent sign-in is required.", max_age="${maxAgeSeconds}"`,
      })
  }
}
