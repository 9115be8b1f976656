import type { RotationBounds } from './bounds.js'
import type { Rules } from './rules.js'
import { createService, isPrevious, type Outcome, type Service, type Shown } from './service.js'
import { AT, FLIGHT_BYTES } from './state.js'
import { areInLine, positionOf } from './tokens.js'

/** Passes the state in `next` to the search, as the one after a step. */
export type Go = (what: () => string, violation?: string | null) => void

/** What the parts of the model share. */
export interface World {
  bounds: RotationBounds
  rules: Rules
  service: Service
  hasThief: boolean
  /** The number of bytes of a state. */
  length: number
  /** The highest age: ages stop at it. */
  capAge: number
  /** The state after a step; the same buffer each time. */
  next: Uint8Array
  /** What a request carries; the same object each time. */
  show(token: number, mark: number, more: number): Shown
  /** Whether a late answer would be counted; the bounds limit how many may be. */
  isCounted(s: Uint8Array, token: number, mark: number): boolean
  /**
   * The invariant that an answer breaks, whoever sent the request; null if none. `s` is the state before the answer.
   */
  checkAnswer(s: Uint8Array, outcome: Outcome): string | null
}

export function createWorld(bounds: RotationBounds, rules: Rules): World {
  const { inBody } = bounds
  const { leewaySeconds, minAgeSeconds, settleSeconds } = bounds.times
  const length = AT.flights + FLIGHT_BYTES * bounds.flights
  const hasThief = bounds.maxGains !== null
  const shown: Shown = { token: 0, mark: 0, ticket: false, anyTicket: false, inBody }

  function show(token: number, mark: number, more: number): Shown {
    shown.token = token
    shown.mark = mark
    shown.anyTicket = (more & 1) !== 0
    shown.ticket = (more & 2) !== 0
    return shown
  }

  function isCounted(s: Uint8Array, token: number, mark: number): boolean {
    if (!isPrevious(s, token) || s[AT.late] === 2) return false
    return inBody ? s[AT.age]! > leewaySeconds : mark !== s[AT.previousMark]
  }

  function checkAnswer(s: Uint8Array, { is, token, verdict }: Outcome): string | null {
    const asked = shown.token
    if (is === 'tokens') {
      if (positionOf(asked) < positionOf(s[AT.token]!) - 1) return 'a token two generations old brings tokens'
      if (isPrevious(s, asked) && s[AT.seen]! > positionOf(s[AT.token]!) && s[AT.seenAfter]! > settleSeconds)
        return 'a token whose successor is settled in use brings tokens'
      if (!areInLine(token, s[AT.answered]!)) return 'the family forks'
      return null
    }
    if (is === 'busy') return 'the attempts have no end'
    if (is === 'superseded')
      return shown.ticket && hasThief ? 'the overtaken owner comes back, and the thief keeps the session' : null
    if (hasThief && is === 'reused') return null
    return `an honest request is refused for ever: ${verdict}`
  }

  return {
    bounds,
    rules,
    service: createService(bounds, rules),
    hasThief,
    length,
    capAge: Math.max(settleSeconds, minAgeSeconds) + 1,
    next: new Uint8Array(length),
    show,
    isCounted,
    checkAnswer,
  }
}
