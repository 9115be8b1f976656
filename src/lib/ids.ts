import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { parse, stringify, v7 } from 'uuid'

/**
 * The id of a new session: a UUIDv7 whose 12 `rand_a` bits are a hash of its user's id (the first 12 bits of the
 * SHA-256 of its 16 bytes). Both tokens carry the session id, so a token alone can name the shard of its user one day.
 *
 * RFC 9562, 5.7, gives those bits to randomness or to an order within one millisecond, and neither is missed: the ids
 * sort by their millisecond, and the 62 bits of `rand_b` keep them apart. A session id is no secret: what opens a
 * session is the refresh token.
 *
 * @throws TypeError if the user's id is not a UUID
 */
export function newSessionId(userId: string): string {
  const bytes = uuidToBytes(newId())
  const digest = createHash('sha256').update(uuidToBytes(userId)).digest()
  // The first 12 bits of the digest, behind the four of the version.
  bytes.writeUInt16BE(0x7000 | (digest.readUInt16BE(0) >> 4), 6)
  return uuidFromBytes(bytes)
}

/** When a session began, by its id alone; milliseconds since the epoch (RFC 9562, 5.7). */
export function beganAt(sessionId: string): number {
  return uuidToBytes(sessionId).readUIntBE(0, 6)
}

/** A new id for everything else: a plain UUIDv7, ascending within this process (RFC 9562, 6.2). */
export function newId(): string {
  return v7()
}

/** Whether a text is a UUID in its ordinary spelling, in either case. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
}

/**
 * The 16 bytes of a UUID, written in either case.
 *
 * @throws TypeError if it is not a UUID
 */
export function uuidToBytes(id: string): Buffer {
  return Buffer.from(parse(id))
}

/**
 * The canonical, lower-case text of a UUID's 16 bytes (RFC 9562, 4).
 *
 * @throws TypeError if they are not 16, or no UUID's
 */
export function uuidFromBytes(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw new TypeError(`a UUID has 16 bytes, not ${bytes.length}`)
  return stringify(bytes)
}
