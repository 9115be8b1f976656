import { argon2id } from './argon2id.js'
import { bcrypt, djangoBcryptSha256 } from './bcrypt.js'
import { nativeHashes } from './native-hashes.js'
import type { PasswordScheme } from './password-scheme.js'
import { djangoPbkdf2, pbkdf2 } from './pbkdf2.js'
import { scrypt } from './scrypt.js'

/** Every scheme whose hashes can be verified; new hashes are argon2id. */
const schemes: readonly PasswordScheme[] = [argon2id, bcrypt, djangoBcryptSha256, djangoPbkdf2, pbkdf2, scrypt]

/**
 * The scheme of a stored hash, and its kind.
 *
 * @throws TypeError if the scheme is unknown
 */
export function schemeOf(storedHash: string): { scheme: PasswordScheme; kind: string } {
  for (const scheme of schemes) {
    const [kind] = scheme.kind.exec(storedHash) ?? []
    if (kind !== undefined) return { scheme, kind }
  }
  throw new TypeError('the stored password hash has an unknown scheme')
}

/** Whether passwords can be verified against a hash, or why not. */
export type HashVerdict = 'valid' | 'unknown' | 'damaged' | 'too_costly'

/**
 * Whether passwords can be verified against a hash: its scheme is known, it is not damaged, and it does not cost more
 * than this service accepts. Check the hashes of another system before they are stored: a user with any other hash
 * cannot sign in.
 */
export function checkHash(storedHash: string): HashVerdict {
  // Without them every hash would look damaged.
  nativeHashes()
  let scheme: PasswordScheme
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

/** Stored for an account without a password: no password matches it, and a reset replaces it. */
export const UNUSABLE_HASH = '!'
