import { argon2id } from './argon2id.js'
import { bcrypt, djangoBcryptSha256 } from './bcrypt.js'
import { djangoPbkdf2 } from './django-pbkdf2.js'
import type { PasswordScheme } from './password-scheme.js'
import { pbkdf2 } from './pbkdf2.js'
import { scrypt } from './scrypt.js'

/** Every scheme whose hashes verify; new hashes are argon2id. */
const schemes: readonly PasswordScheme[] = [argon2id, bcrypt, djangoBcryptSha256, djangoPbkdf2, pbkdf2, scrypt]

/**
 * The scheme that a stored hash claims to be of, and its kind.
 *
 * @throws TypeError if it is of none that this service knows
 */
export function schemeOf(storedHash: string): { scheme: PasswordScheme; kind: string } {
  for (const scheme of schemes) {
    const [kind] = scheme.kind.exec(storedHash) ?? []
    if (kind !== undefined) return { scheme, kind }
  }
  throw new TypeError('the stored password hash has an unknown scheme')
}

/** What becomes of a password that is verified against a hash. */
export type HashVerdict = 'valid' | 'unknown' | 'damaged' | 'too_costly'

/**
 * Whether a password can be verified against this hash: it is of a scheme that this service knows, whole, and costs no
 * more than it is ready to spend. For anyone who brings hashes of another system: a user with any other can't sign in.
 */
export function checkHash(storedHash: string): HashVerdict {
  let scheme: ReturnType<typeof schemeOf>['scheme']
  try {
    scheme = schemeOf(storedHash).scheme
  } catch {
    return 'unknown'
  }
  try {
    scheme.check(storedHash)
    return 'valid'
  } catch (error) {
    return error instanceof RangeError ? 'too_costly' : 'damaged'
  }
}

export function canVerifyHash(storedHash: string): boolean {
  return checkHash(storedHash) === 'valid'
}

/** What is stored for an account that has no password: no password matches it, and a reset replaces it. */
export const UNUSABLE_HASH = '!'
