import { type BinaryLike, type ScryptOptions, scrypt as scryptCallback, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { PasswordScheme } from './password-scheme.js'

const derive = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scryptCallback)

/** scrypt (RFC 7914) in PHC form: `$scrypt$ln=16,r=8,p=1$salt$hash`. ln is log2 of N; base64 without padding. */
export const scrypt: PasswordScheme = {
  kind: /^\$scrypt\$[^$]{1,64}/,
  hashes: 'typed',

  check(storedHash) {
    parse(storedHash)
  },

  costOf(storedHash) {
    const { N, r, p } = parse(storedHash)
    return { name: 'scrypt', parameters: `ln=${Math.log2(N)}, r=${r}, p=${p}`, work: N * r * p }
  },

  async verify(storedHash, password) {
    const { salt, hash, ...options } = parse(storedHash)
    return timingSafeEqual(await derive(password, salt, hash.length, options), hash)
  },
}

/** The memory that OWASP recommends for one lane (N = 2^17, r = 8: 128 MiB), and twice its time. */
const MAX_BLOCKS = 2 ** 20
const MAX_WORK = 2 ** 21
const BLOCK_BYTES = 128
/** With fewer bytes, other passwords could match. */
const MIN_HASH_BYTES = 16

function parse(storedHash: string) {
  const [, ln, blockSize, lanes, saltText = '', hashText = ''] =
    /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,6}),p=(\d{1,6})\$([A-Za-z0-9+/]{1,128})\$([A-Za-z0-9+/]{1,128})$/.exec(
      storedHash,
    ) ?? []
  const [logN, r, p] = [Number(ln), Number(blockSize), Number(lanes)]
  const hash = Buffer.from(hashText, 'base64')
  // RFC 7914, 6: N is less than 2^(128 r / 8).
  const isPossible = logN >= 1 && logN < 16 * r && p >= 1 && hash.length >= MIN_HASH_BYTES
  if (!isPossible) throw new TypeError('an scrypt hash is damaged')
  const N = 2 ** logN
  if (N * r > MAX_BLOCKS || N * r * p > MAX_WORK) {
    throw new RangeError(`an scrypt hash of ln=${logN},r=${r},p=${p} costs too much to verify`)
  }
  // OpenSSL counts the table and some more memory.
  const maxmem = BLOCK_BYTES * r * (N + p + 2)
  return { N, r, p, maxmem, salt: Buffer.from(saltText, 'base64'), hash }
}
