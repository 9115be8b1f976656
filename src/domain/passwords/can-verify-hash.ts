import { schemeOf } from './scheme-of.js'

/** What becomes of a password that is verified against a hash. */
export type HashVerdict = 'good' | 'unknown' | 'damaged' | 'too_dear'

/**
 * Whether a password can be verified against this hash: it is of a scheme that this service knows, whole, and costs no
 * more than it is ready to spend. For anyone who brings hashes of another system: a user with any other can't sign in.
 */
export function judgeHash(storedHash: string): HashVerdict {
  let scheme: ReturnType<typeof schemeOf>['scheme']
  try {
    scheme = schemeOf(storedHash).scheme
  } catch {
    return 'unknown'
  }
  try {
    scheme.check(storedHash)
    return 'good'
  } catch (error) {
    return error instanceof RangeError ? 'too_dear' : 'damaged'
  }
}

export function canVerifyHash(storedHash: string): boolean {
  return judgeHash(storedHash) === 'good'
}
