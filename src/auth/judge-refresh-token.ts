import type { RefreshState } from '../db/refresh-tokens.js'
import type { ErrorCode } from '../errors.js'

/** What was presented, as the whitelist knows tokens. */
export interface Presented {
  hash: Buffer
  generation: number
}

export interface RefreshTimes {
  minAgeSeconds: number
  leewaySeconds: number
  settleSeconds: number
  replayWindowSeconds: number
}

/** In how many generations a session may be answered late within the replay window. The next is taken for theft. */
export const MAX_LATE_REPLAYS = 3

/** The rows of the rotation table (docs/rotation.md); the first that fits decides. */
export type Verdict =
  /** 1: the session is over; nothing else happens, whatever the token. */
  | { is: 'over'; code: ErrorCode }
  /** 2 and 4: the rotation should have happened. It lost a race that has since changed the row: try again. */
  | { is: 'due' }
  /** 3: rotated a moment ago, so this very token is still the one to use. */
  | { is: 'young' }
  /** 5: another tab, or a retry, within the leeway: the successor again. */
  | { is: 'replayed' }
  /** 6: the answer was lost and its successor never used: the successor again, counted. */
  | { is: 'late'; alreadyCounted: boolean }
  /** 7: two parties hold the session's tokens. */
  | { is: 'reused' }
  /** 8: made by this service, but not for this point of the session's life. */
  | { is: 'unknown' }

/**
 * Judges a refresh token that was not rotated at once. Pure: all times are in the arguments.
 *
 * @param successorInUse whether the token that replaced the presented one was seen in use after it had settled
 */
export function judgeRefreshToken(
  presented: Presented,
  state: RefreshState | undefined,
  times: RefreshTimes,
  successorInUse: boolean,
): Verdict {
  const over = whyOver(state)
  if (over) return { is: 'over', code: over }
  const row = state!.whitelist!

  if (presented.hash.equals(row.tokenHash)) {
    const young = presented.generation > 0 && row.rotatedSecondsAgo < times.minAgeSeconds
    return young ? { is: 'young' } : { is: 'due' }
  }
  if (presented.hash.equals(row.nextHash)) return { is: 'due' }
  if (row.previousHash && presented.hash.equals(row.previousHash)) {
    if (row.rotatedSecondsAgo <= times.leewaySeconds) return { is: 'replayed' }
    if (row.rotatedSecondsAgo > times.replayWindowSeconds || successorInUse) return { is: 'reused' }
    const alreadyCounted = row.lateGeneration === row.generation
    if (!alreadyCounted && row.lateReplays >= MAX_LATE_REPLAYS) return { is: 'reused' }
    return { is: 'late', alreadyCounted }
  }
  return presented.generation < row.generation - 1 ? { is: 'reused' } : { is: 'unknown' }
}

/** Why a session can't be refreshed by any token, in the order in which the reasons explain each other. */
function whyOver(state: RefreshState | undefined): ErrorCode | undefined {
  if (!state) return 'session_revoked'
  if (state.userDisabled) return 'user_disabled'
  if (state.sessionRevoked) return 'session_revoked'
  if (state.sessionExpired) return 'session_expired'
  if (state.outdated || !state.whitelist) return 'session_revoked'
  if (state.whitelist.expired) return 'refresh_token_expired'
  return undefined
}
