import { createHmac, timingSafeEqual } from 'node:crypto'
import { uuidToBytes } from '../../lib/ids.js'
import type { AuthContext } from '../context.js'
import type { NonEmpty, TicketKey } from '../keys/secrets.js'
import type { RefreshToken } from './refresh-token.js'

/**
 * What the bearer of a superseded refresh token is given beside the refusal: in base64url, version (1 byte), when it was
 * made (4, seconds since the epoch, big endian) and tag (16): an HMAC over all before it and the session and generation
 * of the token. Neither of the two is in it: it says nothing to who finds it, and only who presents it with that very
 * token shows that they were told, and have no newer one.
 */
export interface TicketOptions {
  keys: NonEmpty<TicketKey>
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

const VERSION = 1
const ISSUED_AT = 1
const TAG_AT = 5
const LENGTH = 21

export function writeTicket(token: Pick<RefreshToken, 'sessionId' | 'generation'>, options: TicketOptions): string {
  const { keys, now } = options
  const head = Buffer.alloc(TAG_AT)
  head[0] = VERSION
  head.writeUInt32BE(Math.floor(now / 1000), ISSUED_AT)
  return Buffer.concat([head, tagOf(head, token, keys[0])]).toString('base64url')
}

/** Whether a ticket was given for this very token, and still counts. */
export function isTicketFor(
  text: string,
  token: Pick<RefreshToken, 'sessionId' | 'generation'>,
  { keys, maxAgeSeconds, now }: TicketOptions,
): boolean {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== LENGTH || bytes[0] !== VERSION || bytes.toString('base64url') !== text) return false
  if (now / 1000 - bytes.readUInt32BE(ISSUED_AT) >= maxAgeSeconds) return false
  const head = bytes.subarray(0, TAG_AT)
  return keys.some(key => timingSafeEqual(tagOf(head, token, key), bytes.subarray(TAG_AT)))
}

function tagOf(
  head: Buffer,
  { sessionId, generation }: Pick<RefreshToken, 'sessionId' | 'generation'>,
  { key }: TicketKey,
): Buffer {
  const of = Buffer.alloc(4)
  of.writeUInt32BE(generation)
  return createHmac('sha256', key)
    .update(head)
    .update(uuidToBytes(sessionId))
    .update(of)
    .digest()
    .subarray(0, LENGTH - TAG_AT)
}
