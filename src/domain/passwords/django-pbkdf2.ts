import { pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { PasswordScheme } from './password-scheme.js'

const derive = promisify(pbkdf2)

/** What Django keeps unless told otherwise: `pbkdf2_sha256$iterations$salt$hash`, the salt being text. */
export const djangoPbkdf2: PasswordScheme = {
  kind: /^pbkdf2_sha256\$\d{1,10}/,
  hashes: 'typed',

  check(storedHash) {
    parse(storedHash)
  },

  costOf(storedHash) {
    const { iterations } = parse(storedHash)
    return { name: 'PBKDF2-SHA256', parameters: `${iterations} iterations`, work: iterations }
  },

  async verify(storedHash, password) {
    const { iterations, salt, hash } = parse(storedHash)
    return timingSafeEqual(await derive(password, salt, iterations, hash.length, 'sha256'), hash)
  },
}

/** Django 6 makes 1,200,000, in a third of a second, and adds to it each year. */
const MAX_ITERATIONS = 5_000_000

function parse(storedHash: string): { iterations: number; salt: string; hash: Buffer } {
  const [, count, salt, hash] =
    /^pbkdf2_sha256\$(\d{1,10})\$([^$]{1,256})\$([A-Za-z0-9+/]{43}=)$/.exec(storedHash) ?? []
  const iterations = Number(count)
  if (salt === undefined || hash === undefined || iterations < 1) throw new TypeError('a PBKDF2 hash is damaged')
  if (iterations > MAX_ITERATIONS) {
    throw new RangeError(`a PBKDF2 hash of ${iterations} iterations costs too much to verify`)
  }
  return { iterations, salt, hash: Buffer.from(hash, 'base64') }
}
