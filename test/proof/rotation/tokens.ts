import { deriveSecrets } from '../../../src/domain/keys/secrets.js'
import { firstRefreshToken, hashOf, type RefreshToken, successorOf } from '../../../src/domain/tokens/refresh-token.js'

/**
 * A token of the model is a number: a leading 1, then a bit for each derivation from the oldest distinguished token, 0
 * for the older secret and 1 for the newer. So the successor has one bit more, and the predecessor one less. 0 means
 * none.
 */
export type TokenId = number

/** Stands for every token that is older than the oldest distinguished one. */
export const ANCIENT: TokenId = 255
/** The highest number in use: a window of 4, and the successors of the token after it. */
const MAX_ID = 127

/** Position of a token in the window; the ancient ones come before all others. */
export function positionOf(id: TokenId): number {
  return id === ANCIENT ? -1 : 31 - Math.clz32(id)
}

/**
 * Whether one of two tokens is derived from the other, or they are the same. Always true in a family without a fork.
 */
export function areInLine(a: TokenId, b: TokenId): boolean {
  if (a === ANCIENT || b === ANCIENT) return true
  const [older, younger] = a < b ? [a, b] : [b, a]
  return younger >> (positionOf(younger) - positionOf(older)) === older
}

/** The token after the window has moved on by some positions. */
export function moved(id: TokenId, by: number): TokenId {
  if (id === 0 || id === ANCIENT) return id
  const position = positionOf(id) - by
  return position < 0 ? ANCIENT : (1 << position) | (id & ((1 << position) - 1))
}

/** The hash of each token, made once by the derivation of the service: with an HKDF per state the search takes days. */
export const HASHES: readonly Buffer[] = deriveHashes()

function deriveHashes(): Buffer[] {
  const { refreshKeys } = deriveSecrets({
    jwtSecrets: ['j'.repeat(32)],
    refreshSecrets: ['older-secret'.repeat(4), 'newer-secret'.repeat(4)],
  })
  const tokens: RefreshToken[] = []
  tokens[1] = firstRefreshToken('0198c0de-0000-7000-8000-000000000000', refreshKeys[0])
  for (let id = 2; id <= MAX_ID; id++) tokens[id] = successorOf(tokens[id >> 1]!, refreshKeys[id & 1]!)
  const hashes = Array.from({ length: MAX_ID + 1 }, (_none, id) => (id === 0 ? Buffer.alloc(32) : hashOf(tokens[id]!)))
  hashes[ANCIENT] = Buffer.alloc(32, 0xff)
  return hashes
}
