import { uuidToBytes } from '../../lib/ids.js'
import { type TagKey, taggedTokens, uint32 } from '../../lib/tagged-token.js'
import type { AuthContext } from '../context.js'
import type { NonEmpty } from '../keys/secrets.js'
import type { RefreshToken } from './refresh-token.js'

/**
 * A ticket comes with the error for a superseded refresh token. In base64url: version (1 byte), time of issue (4,
 * seconds since the epoch, big endian) and tag (16), an HMAC over all bytes before it and the session and generation of
 * the token. It does not contain those two, so it tells nothing to a person who finds it. A client that sends it with
 * that token shows that it was told, and has no newer token.
 */
export interface TicketOptions {
  keys: NonEmpty<TagKey>
  /** How long a ticket is valid. */
  maxAgeSeconds: number
  /** Milliseconds since the epoch. */
  now: number
}

/** The options of this service, now. */
export function ticketOptions({
  clock,
  config,
  secrets,
}: Pick<AuthContext, 'clock' | 'config' | 'secrets'>): TicketOptions {
  return { keys: secrets.ticketKeys, maxAgeSeconds: config.refreshTokenTtlSeconds, now: clock() }
}

const FORMAT = taggedTokens({ version: 1, hasKeyId: false, bodyBytes: 4 })

export function writeTicket(token: Pick<RefreshToken, 'sessionId' | 'generation'>, options: TicketOptions): string {
  const { keys, now } = options
  return FORMAT.write(uint32(Math.floor(now / 1000)), keys[0], bytesOf(token))
}

/** Whether a ticket was issued for this token and has not expired. */
export function isTicketFor(
  text: string,
  token: Pick<RefreshToken, 'sessionId' | 'generation'>,
  { keys, maxAgeSeconds, now }: TicketOptions,
): boolean {
  const ticket = FORMAT.parse(text)
  if (!ticket || now / 1000 - ticket.body.readUInt32BE(0) >= maxAgeSeconds) return false
  return FORMAT.verify(ticket, keys, bytesOf(token)) !== undefined
}

function bytesOf({ sessionId, generation }: Pick<RefreshToken, 'sessionId' | 'generation'>): Buffer {
  return Buffer.concat([uuidToBytes(sessionId), uint32(generation)])
}
