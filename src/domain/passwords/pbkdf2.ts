import { pbkdf2 as pbkdf2Callback, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { PasswordScheme } from './password-scheme.js'

const derive = promisify(pbkdf2Callback)

/**
 * PBKDF2 (RFC 8018) as Passlib writes it: `$pbkdf2-sha256$iterations$salt$hash`, also `-sha512` and, for SHA-1, without
 * a digest; base64 without padding, with a dot for the plus.
 */
export const pbkdf2: PasswordScheme = {
  kind: /^\$pbkdf2(?:-sha256|-sha512)?\$\d{1,10}/,
  hashes: 'typed',

  check(storedHash) {
    parse(storedHash)
  },

  costOf(storedHash) {
    const { iterations, digest, work } = parse(storedHash)
    return { name: `PBKDF2-${digest.toUpperCase()}`, parameters: `${iterations} iterations`, work }
  },

  async verify(storedHash, password) {
    const { iterations, salt, hash, digest } = parse(storedHash)
    return timingSafeEqual(await derive(password, salt, iterations, hash.length, digest), hash)
  },
}

/** Writes such a hash. */
export function pbkdf2Hash(digest: Pbkdf2Digest, iterations: number | string, salt: Buffer, hash: Buffer): string {
  const name = digest === 'sha1' ? '' : `-${digest}`
  return `$pbkdf2${name}$${iterations}$${toText(salt)}$${toText(hash)}`
}

export type Pbkdf2Digest = keyof typeof DIGEST_BYTES

/** As many as Django's form may have, for each block of the output that the hash has. */
const MAX_ITERATIONS = 5_000_000
/** Fewer bytes of a hash would let other passwords in. */
const MIN_HASH_BYTES = 16
const DIGEST_BYTES = { sha1: 20, sha256: 32, sha512: 64 }

function parse(storedHash: string) {
  const [, name = 'sha1', count, saltText = '', hashText = ''] =
    /^\$pbkdf2(?:-(sha256|sha512))?\$(\d{1,10})\$([A-Za-z0-9./]{1,344})\$([A-Za-z0-9./]{1,172})$/.exec(storedHash) ?? []
  const digest = name as Pbkdf2Digest
  const iterations = Number(count)
  const hash = fromText(hashText)
  if (!(iterations >= 1) || hash.length < MIN_HASH_BYTES) throw new TypeError('a PBKDF2 hash is damaged')
  const work = iterations * Math.ceil(hash.length / DIGEST_BYTES[digest])
  if (work > MAX_ITERATIONS) throw new RangeError(`a PBKDF2 hash of ${iterations} iterations costs too much to verify`)
  return { iterations, salt: fromText(saltText), hash, digest, work }
}

function toText(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '.').replace(/=+$/, '')
}

function fromText(text: string): Buffer {
  return Buffer.from(text.replaceAll('.', '+'), 'base64')
}
