import { createHash } from 'node:crypto'
import { nativeHashes } from './native-hashes.js'
import type { PasswordScheme } from './password-scheme.js'

/**
 * bcrypt, which most other systems used. `$2a$`, `$2b$` and `$2y$` are names of one function today. (`$2x$` is not: it
 * marks hashes of a library with a defect.)
 *
 * bcrypt hashes the first 72 bytes of a password and ignores the rest, here as in the system that made the hash. The
 * sign-in upgrades it to a hash in which every character counts. In some of these systems a NUL ended the password,
 * others refused it, so no password with a NUL matches: bcrypt repeats its input with a NUL in between, so `abc` and
 * `abc NUL abc` are the same to it.
 */
export const bcrypt: PasswordScheme = {
  kind: /^\$2[aby]\$\d\d/,
  hashes: 'typed',

  check(storedHash) {
    parse(storedHash)
  },

  costOf(storedHash) {
    const cost = Number(parse(storedHash).slice(4, 6))
    return { name: 'bcrypt', parameters: `cost ${cost}`, work: 2 ** cost }
  },

  async verify(storedHash, password) {
    const matches = await nativeHashes().bcrypt.verify(password, parse(storedHash))
    return matches && !password.includes('\0')
  },
}

const MIN_COST = 4
/** Each step doubles the time: cost 12 takes a third of a second, 15 some two and a half seconds, 31 days. */
const MAX_COST = 15
const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/**
 * The hash in the only form that the library accepts. The last characters of salt and hash have unused bits, which some
 * systems left set.
 */
function parse(storedHash: string): string {
  const [, cost, body = ''] = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{53})$/.exec(storedHash) ?? []
  if (cost === undefined || Number(cost) < MIN_COST) throw new TypeError('a bcrypt hash is damaged')
  if (Number(cost) > MAX_COST) throw new RangeError(`a bcrypt hash of cost ${cost} costs too much to verify`)
  const salt = body.slice(0, 21) + clearUnusedBits(body[21]!, 4)
  const hash = body.slice(22, 52) + clearUnusedBits(body[52]!, 2)
  return storedHash.slice(0, -body.length) + salt + hash
}

function clearUnusedBits(character: string, bits: number): string {
  return ALPHABET[(ALPHABET.indexOf(character) >> bits) << bits]!
}

const DJANGO_PREFIX = 'bcrypt_sha256$'

/**
 * Django's `bcrypt_sha256$$2b$…`: bcrypt over the password's SHA-256 in hexadecimal, so that every character counts.
 */
export const djangoBcryptSha256: PasswordScheme = {
  kind: /^bcrypt_sha256\$\$2[aby]\$\d\d/,
  hashes: 'typed',

  check(storedHash) {
    bcrypt.check(storedHash.slice(DJANGO_PREFIX.length))
  },

  costOf: storedHash => bcrypt.costOf(storedHash.slice(DJANGO_PREFIX.length)),

  verify: (storedHash, password) =>
    bcrypt.verify(storedHash.slice(DJANGO_PREFIX.length), createHash('sha256').update(password).digest('hex')),
}
