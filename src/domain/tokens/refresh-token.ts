import { createHmac, hash, randomBytes } from 'node:crypto'
import { LatchkeyError } from '../../lib/errors.js'
import { uuidFromBytes, uuidToBytes } from '../../lib/ids.js'
import { taggedTokens, uint32 } from '../../lib/tagged-token.js'
import type { RefreshKey } from '../keys/secrets.js'

/**
 * A refresh token: `lk_rt_` and, in base64url, version (1 byte), key id (1), session id (16), generation (4, big
 * endian), secret (32) and tag (16). The tag is an HMAC over all bytes before it, so a forged token is refused without
 * reading a store.
 */
export interface RefreshToken {
  sessionId: string
  /** How often the session's token was rotated before this one. */
  generation: number
  secret: Buffer
  /** The key of its tag. The key's id is part of the token. */
  key: RefreshKey
}

const PREFIX = 'lk_rt_'
const FORMAT = taggedTokens({ prefix: PREFIX, version: 1, hasKeyId: true, bodyBytes: 52 })
const FIRST_BLOCK = Buffer.of(1)
/** The maximum of the whitelist's column; at one rotation a second it is reached after 68 years. */
const MAX_GENERATION = 0x7fff_ffff

/** The first token of a session: the only one whose secret is random. */
export function firstRefreshToken(sessionId: string, key: RefreshKey): RefreshToken {
  return { sessionId, generation: 0, secret: randomBytes(32), key }
}

/**
 * The next token. It is derived (HKDF-SHA-256, RFC 5869), not random: a token has the same successor on every instance
 * and at every attempt, so a client whose answer was lost gets the same successor again.
 *
 * @param key derives the secret
 * @param tagKey makes the tag. It can be newer than `key`, so that the successor stays valid when the older secret is
 *   removed.
 */
export function successorOf(token: RefreshToken, key: RefreshKey, tagKey: RefreshKey = key): RefreshToken {
  const generation = token.generation + 1
  if (generation > MAX_GENERATION)
    throw new RangeError('the session was refreshed too often: its generation would overflow')
  const info = Buffer.concat([Buffer.from('latchkey refresh 1'), uuidToBytes(token.sessionId), uint32(generation)])
  const secret = hkdf(token.secret, key.salt, info)
  return { sessionId: token.sessionId, generation, secret, key: tagKey }
}

/**
 * The first 32 bytes of HKDF-SHA-256 (RFC 5869): one block, so two HMACs. `hkdfSync` of Node takes twice as long, and each
 * rotation derives two successors.
 */
function hkdf(keyMaterial: Buffer, salt: Buffer, info: Buffer): Buffer {
  const key = createHmac('sha256', salt).update(keyMaterial).digest()
  return createHmac('sha256', key).update(info).update(FIRST_BLOCK).digest()
}

/** What the whitelist stores of a token. The secret has 256 bits of entropy, so one fast hash is enough. */
export function hashOf(token: RefreshToken): Buffer {
  return hash('sha256', token.secret, 'buffer')
}

export function writeRefreshToken(token: RefreshToken): string {
  const body = Buffer.concat([uuidToBytes(token.sessionId), uint32(token.generation), token.secret])
  return FORMAT.write(body, token.key)
}

/**
 * The same as {@link readRefreshToken}, but throws.
 *
 * @throws LatchkeyError refresh_token_invalid
 */
export function requireRefreshToken(text: string, keys: readonly RefreshKey[]): RefreshToken {
  const token = readRefreshToken(text, keys)
  if (!token) throw new LatchkeyError('refresh_token_invalid')
  return token
}

/** Reads a token that one of the keys made; undefined for everything else. */
export function readRefreshToken(text: string, keys: readonly RefreshKey[]): RefreshToken | undefined {
  const parsed = FORMAT.parse(text)
  const key = parsed && FORMAT.verify(parsed, keys)
  if (!key) return undefined
  const { body } = parsed
  const generation = body.readUInt32BE(16)
  if (generation > MAX_GENERATION) return undefined
  return { sessionId: uuidFromBytes(body.subarray(0, 16)), generation, secret: body.subarray(20), key }
}

/**
 * The slot of a token: the part of a cookie's name that depends on it. Three hexadecimal digits, two of its session and
 * one of its generation. Consecutive tokens and nearly all sessions have different slots, so an answer that arrives
 * late does not overwrite a newer token.
 *
 * @param text a refresh token of this service
 */
export function slotOf(text: string): string {
  const bytes = Buffer.from(text.slice(PREFIX.length), 'base64url')
  return bytes.toString('hex', 17, 18) + (bytes.readUInt32BE(18) % 16).toString(16)
}
