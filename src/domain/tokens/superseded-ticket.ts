import { uuidToBytes } from '../../lib/ids.js'
import { type TagKey, taggedTokens, uint32 } from '../../lib/tagged-token.js'
import type { AuthContext } from '../context.js'
import type { NonEmpty } from '../keys/secrets.js'
import type { RefreshToken } from './refresh-token.js'

/**
 * What the bearer of a superseded refresh token is given beside the refusal: in base64url, version (1 byte), when it was
 * made (4, seconds since the epoch, big endian) and tag (16): an HMAC over all before it and the session and generation
 * of the token. Neither of the two is in it: it says nothing to who finds it, and only who presents it with that very
 * token shows that they were told, and have no newer one.
 */
export interface TicketOptions {
  keys: NonEmpty<TagKey>
  /** For how long a ticket counts. */
  maxAgeSeconds: number
  /** Milliseconds since the epoch. */
  now: number
}

/** Those of this service, at this moment. */
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

/** Whether a ticket was given for this very token, and still counts. */
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
