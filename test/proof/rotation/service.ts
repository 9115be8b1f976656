import {
  canBeExchanged,
  isReuseWithoutTicket,
  judgeRefreshToken,
  type LateRecord,
  type Presented,
  SUPERSEDED_GRACE_SECONDS,
  type SuccessorUse,
  type Verdict,
} from '../../../src/domain/tokens/judge-refresh-token.js'
import type { RefreshState, WhitelistRow } from '../../../src/postgres/refresh-state.js'
import type { RotationBounds } from './bounds.js'
import type { Rules } from './rules.js'
import { AT } from './state.js'
import { ANCIENT, HASHES, positionOf, type TokenId } from './tokens.js'

/** What a request carries. */
export interface Shown {
  token: TokenId
  mark: number
  /** Whether it has a ticket for this token. */
  ticket: boolean
  /** Whether it has any ticket. */
  anyTicket: boolean
  inBody: boolean
}

/** An answer; `token` is set if `is` is `tokens`. */
export interface Outcome {
  is: 'tokens' | 'superseded' | 'reused' | 'unknown' | 'busy'
  token: TokenId
  verdict: Verdict['is'] | 'rotated'
}

const MAX_ATTEMPTS = 3
/** The number of generations before the window, once it has moved. */
const MOVED = 100

/**
 * The service of one session: the statements of src/postgres/refresh-tokens.ts on a row that is part of a state, and around
 * them the attempts of src/domain/tokens/rotate-refresh-token.ts. The judge is the service's own.
 */
export function createService({ times: trueTimes, graceTicks: trueGrace }: RotationBounds, rules: Rules) {
  const times = { ...trueTimes, ...rules.times }
  const graceTicks = rules.graceTicks ?? trueGrace
  // Reused for every judgement: the search makes millions.
  const row: WhitelistRow = {
    generation: 0,
    tokenHash: HASHES[0]!,
    previousHash: null,
    nextHash: HASHES[0]!,
    expired: false,
    rotatedSecondsAgo: 0,
    previousMark: null,
    lateReplays: 0,
    lateGeneration: null,
  }
  const known = {
    userDisabled: false,
    sessionRevoked: false,
    sessionExpired: false,
    outdated: false,
    whitelist: row,
  } as unknown as RefreshState
  const presented: Presented = { hash: HASHES[0]!, generation: 0, mark: null, ticket: false }
  const outcome: Outcome = { is: 'busy', token: 0, verdict: 'rotated' }

  function readRow(s: Uint8Array): void {
    const base = s[AT.moved] === 1 ? MOVED : 0
    const token = s[AT.token]!
    const position = positionOf(token)
    row.generation = base + position
    row.tokenHash = HASHES[token]!
    row.previousHash = position === 0 ? null : HASHES[token >> 1]!
    row.nextHash = HASHES[(token << 1) | s[AT.nextBit]!]!
    row.rotatedSecondsAgo = s[AT.age]!
    row.previousMark = s[AT.previousMark] === 0 ? null : s[AT.previousMark]!
    row.lateReplays = s[AT.lateReplays]!
    row.lateGeneration = s[AT.late] === 0 ? null : row.generation - 2 + s[AT.late]!
  }

  /** As useOfSuccessor in src/domain/tokens/examine-refresh-token.ts. */
  function useOf(s: Uint8Array, token: TokenId): SuccessorUse {
    if (!isPrevious(s, token) || s[AT.seen]! < positionOf(s[AT.token]!) + 1) return 'unseen'
    return s[AT.seenAfter]! > times.settleSeconds ? 'settled' : 'settling'
  }

  function judge(s: Uint8Array, shown: Shown): Verdict {
    readRow(s)
    presented.hash = HASHES[shown.token]!
    presented.generation = (s[AT.moved] === 1 ? MOVED : 0) + positionOf(shown.token)
    presented.mark = shown.mark === 0 ? null : shown.mark
    presented.ticket = rules.anyTicketCounts ? shown.anyTicket : shown.ticket
    return (rules.judge ?? judgeRefreshToken)(presented, known, times, useOf(s, shown.token))
  }

  /** The statement `rotate`. */
  function rotate(s: Uint8Array, shown: Shown, keyBit: number, newestBit: number, anySuccessor: boolean): boolean {
    const { token } = shown
    if (token === ANCIENT) return false
    const successor = (token << 1) | keyBit
    const next = (s[AT.token]! << 1) | s[AT.nextBit]!
    const isFirst = s[AT.moved] === 0 && s[AT.token] === 1
    const isCurrent =
      token === s[AT.token] &&
      (next === successor || anySuccessor || rules.anySuccessor) &&
      (isFirst || s[AT.age]! >= times.minAgeSeconds)
    const isNext = token === next && rules.rotatesNext
    if (!isCurrent && !isNext) return false
    keepLastCommit(s)
    const by = isNext ? 2 : 1
    s[AT.token] = successor
    s[AT.nextBit] = newestBit
    s[AT.previousMark] = shown.mark
    s[AT.age] = 0
    s[AT.late] = Math.max(0, s[AT.late]! - by)
    if (s[AT.late] === 0) s[AT.lateReplays] = 0
    s[AT.seenAfter] = 0
    recordActivity(s, positionOf(token))
    return true
  }

  /** The statements `restart` and `countLate`; false if the row has changed since it was judged. */
  function recordLate(s: Uint8Array, record: LateRecord): boolean {
    if (record.what === 'nothing') return true
    if (record.what === 'restart') {
      if (s[AT.age]! <= times.leewaySeconds) return false
    } else {
      if (s[AT.late] === 2 || (s[AT.late] === 1 && s[AT.lateReplays]! >= record.max)) return false
    }
    keepLastCommit(s)
    if (record.what === 'count') {
      s[AT.lateReplays] = s[AT.late] === 1 ? s[AT.lateReplays]! + 1 : 1
      s[AT.late] = 2
    }
    s[AT.age] = 0
    s[AT.seenAfter] = 0
    return true
  }

  function keepLastCommit(s: Uint8Array): void {
    if (s[AT.failovers] === 0) return
    s[AT.lastToken] = s[AT.token]!
    s[AT.lastNextBit] = s[AT.nextBit]!
    s[AT.lastPreviousMark] = s[AT.previousMark]!
    s[AT.lastAge] = s[AT.age]!
    s[AT.lastLateReplays] = s[AT.lateReplays]!
    s[AT.lastLate] = s[AT.late]!
    s[AT.commitAge] = 0
  }

  /** As Activity.record: a sighting of a generation is ignored after one of a younger generation. */
  function recordActivity(s: Uint8Array, position: number): void {
    if (position + 1 < s[AT.seen]!) return
    s[AT.seen] = position + 1
    s[AT.seenAfter] = s[AT.age]!
  }

  /** The answer of an instance to a request. `newestBit` is the secret that is the newest one of that instance. */
  function answer(s: Uint8Array, shown: Shown, newestBit: number): Outcome {
    let keyBit = newestBit
    outcome.token = 0
    outcome.is = 'busy'
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      if (rotate(s, shown, keyBit, newestBit, false)) return tokens((shown.token << 1) | keyBit, 'rotated')
      const verdict = judge(s, shown)
      outcome.verdict = verdict.is
      switch (verdict.is) {
        case 'due':
          // Every instance has both secrets, so one of them made the successor in the row.
          if (shown.token === s[AT.token]) keyBit = s[AT.nextBit]!
          break
        case 'young':
          recordActivity(s, positionOf(shown.token))
          return tokens(shown.token, 'young')
        case 'replayed':
          return successorAnswered(s, shown, 'replayed')
        case 'late':
          if (recordLate(s, verdict.record)) return successorAnswered(s, shown, 'late')
          break
        case 'superseded':
          outcome.is = shown.inBody && tellSuperseded(s, shown.token) ? 'reused' : 'superseded'
          outcome.verdict = outcome.is
          return outcome
        case 'reused':
          outcome.is = 'reused'
          return outcome
        default:
          outcome.is = 'unknown'
          return outcome
      }
    }
    return outcome
  }

  /**
   * The answer to a request with `rotate: false`, as in src/domain/tokens/refresh-without-rotating.ts, which leaves out
   * the ticket. `token` stands for the generation of the access token.
   */
  function ask(s: Uint8Array, shown: Shown): Outcome {
    const verdict = judge(s, shown)
    outcome.verdict = verdict.is
    outcome.token = 0
    const isOfPrevious = isPrevious(s, shown.token)
    let isAnswered = canBeExchanged(verdict) || verdict.is === 'late'
    if (isOfPrevious) isAnswered = (isAnswered || rules.asksWithAnyPrevious) && !rules.asksOnlyCurrent
    if (isAnswered) {
      const token = rules.asksForCurrent && isOfPrevious ? s[AT.token]! : shown.token
      recordActivity(s, positionOf(shown.token))
      return tokens(token, verdict.is)
    }
    outcome.is = verdict.is === 'unknown' ? 'unknown' : 'superseded'
    return outcome
  }

  function tokens(token: TokenId, verdict: Outcome['verdict']): Outcome {
    outcome.is = 'tokens'
    outcome.token = token
    outcome.verdict = verdict
    return outcome
  }

  function successorAnswered(s: Uint8Array, shown: Shown, verdict: Outcome['verdict']): Outcome {
    // The predecessor of the row's token is that token without its last bit; any other has no successor in the row.
    if (s[AT.token]! >> 1 === shown.token) return tokens(s[AT.token]!, verdict)
    outcome.is = 'unknown'
    return outcome
  }

  /** As the statement with this name, and the decision of the service on its result. */
  function tellSuperseded(s: Uint8Array, token: TokenId): boolean {
    // No request is in progress that is older than the window.
    if (token === ANCIENT) return false
    const at = AT.told + positionOf(token)
    if (s[at] === 0) s[at] = 1
    // The grace is not a setting, so the service gets 0 or more than the grace instead of ticks.
    return isReuseWithoutTicket(s[at]! - 1 > graceTicks ? SUPERSEDED_GRACE_SECONDS + 1 : 0)
  }

  return { answer, ask, judge, recordActivity, useOf }
}

export type Service = ReturnType<typeof createService>

/** Whether a token is the one before that of the row. */
export function isPrevious(s: Uint8Array, token: TokenId): boolean {
  return s[AT.token]! > 1 && token === s[AT.token]! >> 1
}
