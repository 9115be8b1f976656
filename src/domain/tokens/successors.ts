import { LatchkeyError } from '../../lib/errors.js'
import type { AuthContext } from '../context.js'
import type { RefreshKey } from '../keys/secrets.js'
import type { LiveState } from './judge-refresh-token.js'
import { hashOf, type RefreshToken, successorOf } from './refresh-token.js'

// Which of the configured secrets derived the tokens that the whitelist has the hashes of.

/** How the successor of a token is derived. */
export interface Derivation {
  key: RefreshKey
  /** Whether the successor can be another one than the whitelist has. */
  anySuccessor: boolean
}

/** Which secret derived the next token in the whitelist, if the presented token is the current one. */
export function derivationOfNext(
  { secrets }: AuthContext,
  presented: RefreshToken,
  { whitelist }: LiveState,
): Derivation | undefined {
  if (!hashOf(presented).equals(whitelist.tokenHash)) return undefined
  const key = secrets.refreshKeys.find(candidate =>
    hashOf(successorOf(presented, candidate)).equals(whitelist.nextHash),
  )
  return key ? { key, anySuccessor: false } : { key: secrets.refreshKeys[0], anySuccessor: true }
}

/**
 * The current token of the whitelist, which is the successor of the presented one, derived with the same secret as
 * then.
 */
export function currentSuccessor(
  { secrets }: AuthContext,
  presented: RefreshToken,
  { whitelist }: LiveState,
): RefreshToken {
  const [newest] = secrets.refreshKeys
  const candidates = secrets.refreshKeys.map(key => successorOf(presented, key, newest))
  const successor = candidates.find(candidate => hashOf(candidate).equals(whitelist.tokenHash))
  // This happens only if an old JWT_REFRESH_SECRET was removed too early.
  if (!successor) throw new LatchkeyError('refresh_token_unknown')
  return successor
}
