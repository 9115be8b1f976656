import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { parse, stringify, v7 } from 'uuid'

/**
 * The id of a new session: a UUIDv7 whose 12 `rand_a` bits are a hash of its user's id (the first 12 bits of the
 * SHA-256 of its 16 bytes). Both tokens carry the session id, so a token alone can identify the shard of its user in the future.
 *
 * RFC 9562, 5.7, uses those bits for randomness or for an order within one millisecond. Neither is needed here: the ids
 * are ordered by their millisecond, and the 62 bits of `rand_b` make them unique. A session id is not a secret: only the
 * refresh token gives access to a session.
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

/** Reads from its id when a session began, in milliseconds since the epoch (RFC 9562, 5.7). */
export function beganAt(sessionId: string): number {
  return uuidToBytes(sessionId).readUIntBE(0, 6)
}

/** Creates an id for everything else: a plain UUIDv7, ascending within this process (RFC 9562, 6.2). */
export function newId(): string {
  return v7()
}

/** Whether a text is a UUID in the usual notation, in upper or lower case. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
}

/**
 * Reads the 16 bytes of a UUID, in upper or lower case.
 *
 * @throws TypeError if it is not a UUID
 */
export function uuidToBytes(id: string): Buffer {
  return Buffer.from(parse(id))
}

/**
 * The canonical, lower-case text of a UUID's 16 bytes (RFC 9562, 4).
 *
 * @throws TypeError if they are not 16 bytes, or not a UUID
 */
export function uuidFromBytes(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw new TypeError(`a UUID has 16 bytes, not ${bytes.length}`)
  return stringify(bytes)
}
