import { schemeOf } from './scheme-of.js'

/**
 * Whether a password can be verified against this hash: it is of a scheme that this service knows, whole, and costs no
 * more than it is ready to spend. For whoever brings hashes of another system: a user with any other can't sign in.
 */
export function canVerifyHash(storedHash: string): boolean {
  try {
    schemeOf(storedHash).scheme.check(storedHash)
    return true
  } catch {
    return false
  }
}
