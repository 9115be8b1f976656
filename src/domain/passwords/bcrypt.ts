import { createHash } from 'node:crypto'
import { verify } from '@node-rs/bcrypt'
import type { PasswordScheme } from './password-scheme.js'

/**
 * bcrypt, as most other systems kept passwords: `$2a$`, `$2b$` and `$2y$` are names of one function today. (`$2x$` is
 * not: it marks hashes of a library with a defect.)
 *
 * It hashes the first 72 bytes of a password and ignores the rest. So did the systems that the hashes come from, and
 * nothing else can be asked of such a hash; the sign-in upgrades it to one in which every character counts. A NUL ends
 * the password in some of these systems and is refused by others, so no password with one matches: bcrypt repeats its
 * input with a NUL between, in which `abc` and `abc NUL abc` are the same.
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
    const matches = await verify(password, parse(storedHash))
    return matches && !password.includes('\0')
  },
}

const MIN_COST = 4
/** Each step doubles the time: 12 takes a third of a second, 15 some two and a half, 31 days. */
const MAX_COST = 15
const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/**
 * The hash in the one spelling that the library takes. The last characters of salt and hash have bits to spare, which
 * some systems left set.
 */
function parse(storedHash: string): string {
  const [, cost, body = ''] = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{53})$/.exec(storedHash) ?? []
  if (cost === undefined || Number(cost) < MIN_COST) throw new TypeError('a bcrypt hash is damaged')
  if (Number(cost) > MAX_COST) throw new RangeError(`a bcrypt hash of cost ${cost} costs too much to verify`)
  const salt = body.slice(0, 21) + withoutSpareBits(body[21]!, 4)
  const hash = body.slice(22, 52) + withoutSpareBits(body[52]!, 2)
  return storedHash.slice(0, -body.length) + salt + hash
}

function withoutSpareBits(character: string, bits: number): string {
  return ALPHABET[(ALPHABET.indexOf(character) >> bits) << bits]!
}

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
