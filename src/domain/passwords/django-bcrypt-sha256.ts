import { createHash } from 'node:crypto'
import { bcrypt } from './bcrypt.js'
import type { PasswordScheme } from './password-scheme.js'

const NAME = 'bcrypt_sha256$'

/** bcrypt as Django has it: `bcrypt_sha256$$2b$…`, of the password's SHA-256 in hexadecimal, so that all of it counts. */
export const djangoBcryptSha256: PasswordScheme = {
  kind: /^bcrypt_sha256\$\$2[aby]\$\d\d/,
  hashes: 'typed',

  check(storedHash) {
    bcrypt.check(storedHash.slice(NAME.length))
  },

  costOf: storedHash => bcrypt.costOf(storedHash.slice(NAME.length)),

  verify: (storedHash, password) =>
    bcrypt.verify(storedHash.slice(NAME.length), createHash('sha256').update(password).digest('hex')),
}
