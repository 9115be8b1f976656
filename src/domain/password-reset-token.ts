import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { uuidFromBytes, uuidToBytes } from '../lib/ids.js'
import type { NonEmpty, ResetKey } from './keys/secrets.js'

/**
 * A one-time token with which a user sets a new password: `lk_pr_` and, in base64url, version (1 byte), user id (16),
 * secret (32) and tag (16). The tag is an HMAC over all before it, so that a token which this service never made is
 * refused without asking a store.
 */
export interface PasswordResetToken {
  userId: string
  secret: Buffer
}

const PREFIX = 'lk_pr_'
const VERSION = 1
const SECRET_AT = 17
const TAG_AT = 49
const LENGTH = 65

export function newPasswordResetToken(userId: string): PasswordResetToken {
  return { userId, secret: randomBytes(32) }
}

/** What the database keeps of a token. The secret has 256 bits of entropy: one fast hash is enough. */
export function hashOfResetToken(token: PasswordResetToken): Buffer {
  return createHash('sha256').update(token.secret).digest()
}

export function writePasswordResetToken({ userId, secret }: PasswordResetToken, [key]: NonEmpty<ResetKey>): string {
  const head = Buffer.concat([Buffer.of(VERSION), uuidToBytes(userId), secret])
  return PREFIX + Buffer.concat([head, tagOf(head, key)]).toString('base64url')
}

/** Reads a token that one of the keys made; undefined for everything else, whatever is wrong with it. */
export function readPasswordResetToken(text: string, keys: readonly ResetKey[]): PasswordResetToken | undefined {
  if (!text.startsWith(PREFIX)) return undefined
  const encoded = text.slice(PREFIX.length)
  const bytes = Buffer.from(encoded, 'base64url')
  // One token has one spelling: what does not encode to the same text again is not ours.
  if (bytes.length !== LENGTH || bytes[0] !== VERSION || bytes.toString('base64url') !== encoded) return undefined
  const head = bytes.subarray(0, TAG_AT)
  if (!keys.some(key => timingSafeEqual(tagOf(head, key), bytes.subarray(TAG_AT)))) return undefined
  return { userId: uuidFromBytes(bytes.subarray(1, SECRET_AT)), secret: bytes.subarray(SECRET_AT, TAG_AT) }
}

function tagOf(head: Buffer, { tagKey }: ResetKey): Buffer {
  return createHmac('sha256', tagKey)
    .update(head)
    .digest()
    .subarray(0, LENGTH - TAG_AT)
}
