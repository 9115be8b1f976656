import type { ErrorCode } from '../../lib/errors.js'
import type { RefreshState, WhitelistRow } from '../../postgres/refresh-tokens.js'

/** What was presented, as the whitelist knows tokens. */
export interface Presented {
  hash: Buffer
  generation: number
  /**
   * What the answer that gave the token wrote beside it in the browser; null where there is no browser, or nothing.
   * Undefined: nobody wants to know whose it is.
   */
  mark: number | null | undefined
  /** Whether the ticket for this very token came with it: its bearer was told before that it is superseded. */
  ticket: boolean
}

export interface RefreshTimes {
  minAgeSeconds: number
  leewaySeconds: number
  settleSeconds: number
}

/**
 * What is known of the token that replaced the presented one: nobody was seen with it, somebody only before it had
 * settled, or somebody after that, who therefore keeps it.
 */
export type SuccessorUse = 'unseen' | 'settling' | 'settled'

/**
 * In how many generations in a row the predecessor may be presented with another mark than the one it was rotated with:
 * by two holders of it, or by one browser that crashed or was overtaken by its own request.
 */
export const MAX_OTHER_MARKS = 3
/** The same where nothing has marks, and a lost answer looks like another holder. */
export const MAX_UNMARKED = 6
/**
 * For so long after the first answer `refresh_token_superseded`, the same token in a body may be another request that
 * was sent before that answer arrived.
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
  /** 2 and 4: the rotation should have happened. It lost a race that has since changed the row: try again. */
  | { is: 'due' }
  /** 3: rotated a moment ago, so this very token is still the one to use. */
  | { is: 'young' }
  /** 5: another tab, or a retry, within the leeway: the successor again. */
  | { is: 'replayed' }
  /** 6: the answer was lost, or its cookie: the successor again. */
  | { is: 'late'; record: LateRecord }
  /** 7: somebody has a newer token. Whoever presents this one is told so first, and gets a ticket. */
  | { is: 'superseded' }
  /** 8: its bearer was told so, and came back without a newer one: two parties hold the session's tokens. */
  | { is: 'reused' }
  /** 9: made by this service, but not for this point of the session's life. */
  | { is: 'unknown' }

/** What the whitelist keeps of a late answer: nothing, that the generation begins anew, or that it was counted, too. */
export type LateRecord = { what: 'nothing' } | { what: 'restart' } | { what: 'count'; max: number }

/**
 * Judges a refresh token that was not rotated at once. Pure: all times are in the arguments.
 *
 * @param use of the token that replaced the presented one, where the presented one is the predecessor of the current one
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

/** Whether a token could be exchanged now: the current one, or the one before it within the leeway. */
export function isLive(verdict: Verdict): verdict is Extract<Verdict, { is: 'due' | 'young' | 'replayed' }> {
  return verdict.is === 'due' || verdict.is === 'young' || verdict.is === 'replayed'
}

/** Whether it was replaced by the current token. Only then the use of the current token matters. */
export function isPrevious({ hash }: Pick<Presented, 'hash'>, { previousHash }: WhitelistRow): boolean {
  return previousHash?.equals(hash) ?? false
}

function judgePrevious(presented: Presented, state: LiveState, times: RefreshTimes, use: SuccessorUse): Verdict {
  const row = state.whitelist
  const isKnown = presented.mark !== undefined && row.previousMark !== undefined
  const sameMark = !isKnown || presented.mark === row.previousMark
  if (sameMark && row.rotatedSecondsAgo <= times.leewaySeconds) return { is: 'replayed', state }
  if (use === 'settled') return judgeSuperseded(presented, state)
  // Whoever was seen with the successor has it. Nobody may keep it from being settled by asking again and again.
  const restartOrNothing: LateRecord =
    use === 'unseen' && row.rotatedSecondsAgo > times.leewaySeconds ? { what: 'restart' } : { what: 'nothing' }
  // Whoever shows the same mark is the same browser, or holds a copy of all it had, which works this once.
  if (sameMark && typeof row.previousMark === 'number') return { is: 'late', record: restartOrNothing, state }
  const max = sameMark ? MAX_UNMARKED : MAX_OTHER_MARKS
  if (row.lateGeneration === row.generation)
    return row.lateReplays <= max ? { is: 'late', record: restartOrNothing, state } : judgeSuperseded(presented, state)
  return lateInARow(row) < max
    ? { is: 'late', record: { what: 'count', max }, state }
    : judgeSuperseded(presented, state)
}

/** In how many generations up to the one before this a late answer was counted, without a generation between them. */
function lateInARow({ generation, lateGeneration, lateReplays }: WhitelistRow): number {
  return lateGeneration !== null && lateGeneration >= generation - 1 ? lateReplays : 0
}

function judgeSuperseded({ ticket }: Presented, state: LiveState): Verdict {
  return { is: ticket ? 'reused' : 'superseded', state }
}

/**
 * Whether somebody without cookies, who may have dropped the ticket, comes back with a superseded token: row 8 for them.
 *
 * @param toldSecondsAgo since they were first told that this very token is superseded
 */
export function isReuseWithoutTicket(toldSecondsAgo: number): boolean {
  return toldSecondsAgo > SUPERSEDED_GRACE_SECONDS
}

/** The state of a session that is not over, or else why it is, in the order in which the reasons explain each other. */
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
