import type { ErrorCode } from '../../lib/errors.js'
import type { RefreshState, WhitelistRow } from '../../postgres/refresh-state.js'

/** A presented refresh token, as the whitelist stores it, with what came with it. */
export interface Presented {
  hash: Buffer
  generation: number
  /**
   * The mark in the token's cookie; null without a cookie or a mark. Undefined if marks are not to be compared.
   */
  mark: number | null | undefined
  /** Whether the ticket for this token came with it: the client was already told that it is superseded. */
  ticket: boolean
}

export interface RefreshTimes {
  minAgeSeconds: number
  leewaySeconds: number
  settleSeconds: number
}

/**
 * The use of the token that replaced the presented one: no request was seen; requests were seen only within the
 * settling time; or a request was seen later, which shows that its client has stored the token.
 */
export type SuccessorUse = 'unseen' | 'settling' | 'settled'

/**
 * In how many generations in a row the previous token can be answered with another mark than the one it was rotated
 * with. Two parties can cause this, or one browser that crashed or whose own requests arrived in another order.
 */
export const MAX_OTHER_MARKS = 3
/** The same without marks, where a lost answer looks like a second party. */
export const MAX_UNMARKED = 6
/**
 * For this long after the first answer `refresh_token_superseded`, the same token in a body can be a request that was
 * sent before that answer arrived.
 */
export const SUPERSEDED_GRACE_SECONDS = 600

/** A session that is not over: its row in the whitelist exists. */
export type LiveState = RefreshState & { whitelist: WhitelistRow }

/** The row of the rotation table (docs/rotation.md) that decides, with the state that it was decided on. */
export type Verdict =
  /** 1: the session is over; nothing else happens, whatever the token. */
  { is: 'over'; code: ErrorCode; state: RefreshState | undefined } | (LiveVerdict & { state: LiveState })

/** The rows of the table for a session that is not over; the first that matches decides. */
export type LiveVerdict =
  /** 2 and 4: the token can be rotated. The first attempt lost a race that has since changed the row: try again. */
  | { is: 'due' }
  /** 3: rotated a moment ago, so the same token is returned. */
  | { is: 'young' }
  /** 5: another tab or a retry within the leeway: the same successor is returned again. */
  | { is: 'replayed' }
  /** 6: the answer or its cookie was lost: the same successor is returned again. */
  | { is: 'late'; record: LateRecord }
  /** 7: there is a newer token. The client is told so, and gets a ticket. */
  | { is: 'superseded' }
  /** 8: the client was told so and has no newer token: two parties have tokens of the session. */
  | { is: 'reused' }
  /** 9: issued by this service, but it does not match the session's state. */
  | { is: 'unknown' }

/** What the whitelist records of a late answer: nothing; that the generation restarts; or also that it was counted. */
export type LateRecord = { what: 'nothing' } | { what: 'restart' } | { what: 'count'; max: number }

/**
 * Judges a refresh token that was not rotated at once. A pure function: all times are in the arguments.
 *
 * @param use of the current token, if the presented one is the token before it
 */
export function judgeRefreshToken(
  presented: Presented,
  state: RefreshState | undefined,
  times: RefreshTimes,
  use: SuccessorUse,
): Verdict {
  const live = liveStateOf(state)
  if (typeof live === 'string') return { is: 'over', code: live, state }
  const row = live.whitelist

  if (presented.hash.equals(row.tokenHash)) {
    const young = presented.generation > 0 && row.rotatedSecondsAgo < times.minAgeSeconds
    return { is: young ? 'young' : 'due', state: live }
  }
  if (presented.hash.equals(row.nextHash)) return { is: 'due', state: live }
  if (isPrevious(presented, row)) return judgePrevious(presented, live, times, use)
  return presented.generation < row.generation - 1 ? judgeSuperseded(presented, live) : { is: 'unknown', state: live }
}

/** Whether a refresh would succeed: the current token, or the one before it within the leeway. */
export function canBeExchanged(verdict: Verdict): verdict is Extract<Verdict, { is: 'due' | 'young' | 'replayed' }> {
  return verdict.is === 'due' || verdict.is === 'young' || verdict.is === 'replayed'
}

/** Whether a token is the one before the current token. Only then the use of the current token matters. */
export function isPrevious({ hash }: Pick<Presented, 'hash'>, { previousHash }: WhitelistRow): boolean {
  return previousHash?.equals(hash) ?? false
}

function judgePrevious(presented: Presented, state: LiveState, times: RefreshTimes, use: SuccessorUse): Verdict {
  const row = state.whitelist
  const isKnown = presented.mark !== undefined && row.previousMark !== undefined
  const sameMark = !isKnown || presented.mark === row.previousMark
  if (sameMark && row.rotatedSecondsAgo <= times.leewaySeconds) return { is: 'replayed', state }
  if (use === 'settled') return judgeSuperseded(presented, state)
  // The generation restarts only before its successor is seen, and at most once per leeway. Otherwise repeated
  // requests would prevent `settled`.
  const restartOrNothing: LateRecord =
    use === 'unseen' && row.rotatedSecondsAgo > times.leewaySeconds ? { what: 'restart' } : { what: 'nothing' }
  // The same mark: the same browser, or a copy of all its cookies, which has this mark until the next rotation.
  if (sameMark && typeof row.previousMark === 'number') return { is: 'late', record: restartOrNothing, state }
  const max = sameMark ? MAX_UNMARKED : MAX_OTHER_MARKS
  if (row.lateGeneration === row.generation)
    return row.lateReplays <= max ? { is: 'late', record: restartOrNothing, state } : judgeSuperseded(presented, state)
  return lateInARow(row) < max
    ? { is: 'late', record: { what: 'count', max }, state }
    : judgeSuperseded(presented, state)
}

/** In how many generations in a row, up to the previous one, a late answer was counted. */
function lateInARow({ generation, lateGeneration, lateReplays }: WhitelistRow): number {
  return lateGeneration !== null && lateGeneration >= generation - 1 ? lateReplays : 0
}

function judgeSuperseded({ ticket }: Presented, state: LiveState): Verdict {
  return { is: ticket ? 'reused' : 'superseded', state }
}

/**
 * Row 8 for a client without cookies, which may have ignored the ticket: whether using a superseded token again counts
 * as reuse.
 *
 * @param toldSecondsAgo time since the client was first told that this token is superseded
 */
export function isReuseWithoutTicket(toldSecondsAgo: number): boolean {
  return toldSecondsAgo > SUPERSEDED_GRACE_SECONDS
}

/** The state of a live session; otherwise, the first of these reasons why it is over. */
function liveStateOf(state: RefreshState | undefined): LiveState | ErrorCode {
  if (!state) return 'session_revoked'
  if (state.userDisabled) return 'user_disabled'
  if (state.sessionRevoked) return 'session_revoked'
  if (state.sessionExpired) return 'session_expired'
  if (state.outdated || !isOnWhitelist(state)) return 'session_revoked'
  return state.whitelist.expired ? 'refresh_token_expired' : state
}

function isOnWhitelist(state: RefreshState): state is LiveState {
  return state.whitelist !== undefined
}
