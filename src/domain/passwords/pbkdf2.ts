import { pbkdf2 as pbkdf2Callback, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { HashCost, PasswordScheme } from './password-scheme.js'

const derive = promisify(pbkdf2Callback)

/**
 * PBKDF2 (RFC 8018) in Passlib's form: `$pbkdf2-sha256$iterations$salt$hash`, `-sha512`, or no digest for SHA-1. The
 * base64 has no padding, and a dot instead of the plus.
 */
export const pbkdf2: PasswordScheme = {
  kind: /^\$pbkdf2(?:-sha256|-sha512)?\$\d{1,10}/,
  hashes: 'typed',

  check(storedHash) {
    parse(storedHash)
  },

  costOf: storedHash => costOf(parse(storedHash)),

  verify: async (storedHash, password) => matches(parse(storedHash), password),
}

/** Django's default: `pbkdf2_sha256$iterations$salt$hash`. The salt is text. */
export const djangoPbkdf2: PasswordScheme = {
  kind: /^pbkdf2_sha256\$\d{1,10}/,
  hashes: 'typed',

  check(storedHash) {
    parseDjango(storedHash)
  },

  costOf: storedHash => costOf(parseDjango(storedHash)),

  verify: async (storedHash, password) => matches(parseDjango(storedHash), password),
}

/** Writes a hash in Passlib's form. */
export function pbkdf2Hash(digest: Pbkdf2Digest, iterations: number | string, salt: Buffer, hash: Buffer): string {
  const name = digest === 'sha1' ? '' : `-${digest}`
  return `$pbkdf2${name}$${iterations}$${toText(salt)}$${toText(hash)}`
}

export type Pbkdf2Digest = keyof typeof DIGEST_BYTES

/**
 * For each block of the output. Django 6 uses 1,200,000, which take a third of a second, and increases it each year.
 */
const MAX_ITERATIONS = 5_000_000
/** With fewer bytes, other passwords could match. */
const MIN_HASH_BYTES = 16
const DIGEST_BYTES = { sha1: 20, sha256: 32, sha512: 64 }

interface ParsedHash {
  digest: Pbkdf2Digest
  iterations: number
  salt: Buffer
  hash: Buffer
}

function parse(storedHash: string): ParsedHash {
  const [, digest = 'sha1', count, salt = '', hash = ''] =
    /^\$pbkdf2(?:-(sha256|sha512))?\$(\d{1,10})\$([A-Za-z0-9./]{1,344})\$([A-Za-z0-9./]{1,172})$/.exec(storedHash) ?? []
  return checked({
    digest: digest as Pbkdf2Digest,
    iterations: Number(count),
    salt: fromText(salt),
    hash: fromText(hash),
  })
}

function parseDjango(storedHash: string): ParsedHash {
  const [, count, salt = '', hash = ''] =
    /^pbkdf2_sha256\$(\d{1,10})\$([^$]{1,256})\$([A-Za-z0-9+/]{43}=)$/.exec(storedHash) ?? []
  return checked({
    digest: 'sha256',
    iterations: Number(count),
    salt: Buffer.from(salt),
    hash: Buffer.from(hash, 'base64'),
  })
}

/** @throws TypeError if the hash is damaged; RangeError if it costs too much */
function checked(parsed: ParsedHash): ParsedHash {
  const { iterations, hash } = parsed
  if (!(iterations >= 1) || hash.length < MIN_HASH_BYTES) throw new TypeError('a PBKDF2 hash is damaged')
  if (workOf(parsed) > MAX_ITERATIONS)
    throw new RangeError(`a PBKDF2 hash of ${iterations} iterations costs too much to verify`)
  return parsed
}

function costOf(parsed: ParsedHash): HashCost {
  const { digest, iterations } = parsed
  return { name: `PBKDF2-${digest.toUpperCase()}`, parameters: `${iterations} iterations`, work: workOf(parsed) }
}

function workOf({ digest, iterations, hash }: ParsedHash): number {
  return iterations * Math.ceil(hash.length / DIGEST_BYTES[digest])
}

async function matches({ digest, iterations, salt, hash }: ParsedHash, password: string): Promise<boolean> {
  return timingSafeEqual(await derive(password, salt, iterations, hash.length, digest), hash)
}

function toText(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '.').replace(/=+$/, '')
}

function fromText(text: string): Buffer {
  return Buffer.from(text.replaceAll('.', '+'), 'base64')
}
