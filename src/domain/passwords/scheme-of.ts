import { argon2id } from './argon2id.js'
import { bcrypt } from './bcrypt.js'
import { djangoBcryptSha256 } from './django-bcrypt-sha256.js'
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
  throw new TypeError('the stored password hash is of no scheme that this service knows')
}
