import { createHash, createHmac, randomBytes } from 'node:crypto'
import { uuidFromBytes, uuidToBytes } from '../../lib/ids.js'
import { type TaggedTokens, type TagKey, taggedTokens } from '../../lib/tagged-token.js'
import type { LetterKey, NonEmpty, Secrets } from '../keys/secrets.js'

/** What a one-time token is for. It is refused for everything else. */
export type Purpose = 'password_reset' | 'registration' | 'verify_email' | 'confirm_email' | 'undo_email' | 'not_me'

/**
 * A one-time token of a user: a prefix for its purpose and, in base64url, version (1 byte), user id (16), secret (32) and
 * tag (16). The tag is an HMAC over the rest and the purpose, so that a token which this service did not make is refused
 * without reading a store.
 */
export interface OneTimeToken {
  userId: string
  secret: Buffer
}

export type TokenKeys = Pick<Secrets, 'resetKeys' | 'letterKeys'>

const format = (prefix: string) => taggedTokens({ prefix, version: 1, hasKeyId: false, bodyBytes: 48 })

const FORMATS: Readonly<Record<Purpose, TaggedTokens>> = {
  password_reset: format('lk_pr_'),
  registration: format('lk_rg_'),
  verify_email: format('lk_ve_'),
  confirm_email: format('lk_ce_'),
  undo_email: format('lk_ue_'),
  not_me: format('lk_nm_'),
}

export function newOneTimeToken(userId: string): OneTimeToken {
  return { userId, secret: randomBytes(32) }
}

/**
 * The token of a letter. Its secret is not random but an HMAC of the id of the letter: whichever instance sends the letter
 * derives it again, and the database has only its hash.
 *
 * @param letterId the id of the event of the letter
 */
export function tokenOfLetter(letterId: string, userId: string, purpose: Purpose, key: LetterKey): OneTimeToken {
  const secret = createHmac('sha256', key.secretKey)
    .update(uuidToBytes(letterId))
    .update(uuidToBytes(userId))
    .update(purpose)
    .digest()
  return { userId, secret }
}

/** What the database holds of a token. The secret has 256 bits of entropy, so a fast hash is enough. */
export function hashOfToken(token: OneTimeToken): Buffer {
  return createHash('sha256').update(token.secret).digest()
}

export function writeOneTimeToken(keys: TokenKeys, purpose: Purpose, { userId, secret }: OneTimeToken): string {
  const body = Buffer.concat([uuidToBytes(userId), secret])
  return FORMATS[purpose].write(body, keysOf(keys, purpose)[0], associated(purpose))
}

/** Reads a token with this purpose that one of the keys made; undefined for everything else, whatever is wrong with it. */
export function readOneTimeToken(keys: TokenKeys, purpose: Purpose, text: string): OneTimeToken | undefined {
  const token = FORMATS[purpose].parse(text)
  if (!token || !FORMATS[purpose].verify(token, keysOf(keys, purpose), associated(purpose))) return undefined
  return { userId: uuidFromBytes(token.body.subarray(0, 16)), secret: token.body.subarray(16) }
}

/** Reads a token with one of these purposes. */
export function readTokenOf<Of extends Purpose>(
  keys: TokenKeys,
  purposes: readonly Of[],
  text: string,
): (OneTimeToken & { purpose: Of }) | undefined {
  for (const purpose of purposes) {
    const token = readOneTimeToken(keys, purpose, text)
    if (token) return { ...token, purpose }
  }
  return undefined
}

/** Password resets are older than the other purposes, and have keys of their own. */
function keysOf({ resetKeys, letterKeys }: TokenKeys, purpose: Purpose): NonEmpty<TagKey> {
  return purpose === 'password_reset' ? resetKeys : letterKeys
}

function associated(purpose: Purpose): Buffer | undefined {
  return purpose === 'password_reset' ? undefined : Buffer.from(purpose)
}
