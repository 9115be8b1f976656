import { moved, positionOf } from './tokens.js'

/** What each byte of a state means. Positions are those of tokens in the window, plus 1; 0 means none. */
export const AT = {
  /** Whether the session's first tokens have left the window. */
  moved: 0,
  over: 1,
  /** The newest secret of the instances: 0 the older one, 1 either, while they restart one by one, 2 the newer one. */
  secrets: 2,
  /** The whitelist row. */
  token: 3,
  nextBit: 4,
  previousMark: 5,
  age: 6,
  lateReplays: 7,
  /** The late generation: 2 is that of the row, 1 the previous one, 0 an older one or none. */
  late: 8,
  /** The row before the last commit, which a failover brings back; `lastAge` is its age at that commit. */
  lastToken: 11,
  lastNextBit: 12,
  lastPreviousMark: 13,
  lastAge: 14,
  lastLateReplays: 15,
  lastLate: 16,
  commitAge: 17,
  /** The newest generation that was seen, and how long after the row's rotation. */
  seen: 18,
  seenAfter: 19,
  /** The youngest token in any answer. */
  answered: 20,
  /** The browser. */
  jar: 21,
  jarMark: 22,
  jarTicket: 23,
  /** The newest generation of which it has an access token. */
  access: 24,
  disk: 25,
  diskMark: 26,
  diskTicket: 27,
  /** For how long the disk has been out of date, plus 1; 0: it is up to date. */
  dirty: 28,
  /** Whether what the disk lacks arrived so late that a crash is outside the bounds. */
  tainted: 29,
  /** What may still go wrong. */
  crashes: 30,
  failovers: 31,
  losses: 32,
  counted: 33,
  /** The thief: the best token, two known marks beside it, and those beside its predecessor. */
  stolen: 34,
  stolenMarks: 35,
  hasPrevious: 37,
  previousMarks: 38,
  gains: 40,
  ownerWentOn: 41,
  /** Time since each token in the window was first answered as superseded, plus 1; 0: it was not. */
  told: 42,
  /** Requests in progress, four bytes each: kind, token, mark, more. */
  flights: 48,
} as const

export const FLIGHT_BYTES = 4

/** The kinds of requests and answers in progress. */
export const KIND = {
  none: 0,
  /**
   * A request whose sender waits. More: 1 if it has a ticket, 2 if the ticket is for this token, plus 4 times its age.
   */
  sent: 1,
  /** A request of a browser that crashed, or of a client that no longer waits. More: as above. */
  orphan: 2,
  /** Tokens on their way back. More: 1 if it clears the ticket, plus 2 times its age. */
  answer: 3,
  /** A refusal with a ticket for the token. */
  refusal: 4,
} as const

const MARKED: readonly (readonly [token: number, mark: number])[] = [
  [AT.jar, AT.jarMark],
  [AT.disk, AT.diskMark],
  [AT.stolen, AT.stolenMarks],
  [AT.stolen, AT.stolenMarks + 1],
]
const TOKENS = [AT.token, AT.lastToken, AT.answered, AT.jar, AT.jarTicket, AT.disk, AT.diskTicket, AT.stolen]
const MARKS_A_GENERATION = 16
const POSITIONS = 8

/** Visits each mark: its place in the state, and the position of its token. */
function eachMark(state: Uint8Array, visit: (at: number, position: number) => void): void {
  if (state[AT.token] !== 1) visit(AT.previousMark, positionOf(state[AT.token]!) - 1)
  if (state[AT.lastToken]! > 1) visit(AT.lastPreviousMark, positionOf(state[AT.lastToken]!) - 1)
  for (const [token, mark] of MARKED) if (state[token] !== 0) visit(mark, positionOf(state[token]!))
  if (state[AT.hasPrevious] === 1) {
    visit(AT.previousMarks, positionOf(state[AT.stolen]!) - 1)
    visit(AT.previousMarks + 1, positionOf(state[AT.stolen]!) - 1)
  }
  for (let at = AT.flights; at < state.length; at += FLIGHT_BYTES)
    if (state[at] !== KIND.none && state[at] !== KIND.refusal) visit(at + 2, positionOf(state[at + 1]!))
}

/** A mark that is not in use beside a token of this position. */
export function freshMark(state: Uint8Array, position: number): number {
  let used = 0
  eachMark(state, (at, of) => {
    if (of === position) used |= 1 << state[at]!
  })
  let mark = 1
  while (used & (1 << mark)) mark++
  if (mark >= MARKS_A_GENERATION) throw new Error('the model has too few marks')
  return mark
}

const renamed = new Uint8Array(POSITIONS * MARKS_A_GENERATION)
const given = new Uint8Array(POSITIONS)

/** Marks are random numbers that are only compared: the first one beside a token is renamed to 1, and so on. */
export function renameMarks(state: Uint8Array, oldest: number): void {
  renamed.fill(0)
  given.fill(0)
  eachMark(state, (at, position) => {
    const mark = state[at]!
    if (mark === 0) return
    if (position < oldest) {
      // No row of the whitelist is compared with it any more.
      state[at] = 0
      return
    }
    const index = position * MARKS_A_GENERATION + mark
    if (renamed[index] === 0) renamed[index] = ++given[position]!
    state[at] = renamed[index]!
  })
}

/** Moves the window, so that the token of the whitelist is at its end. */
export function moveWindow(state: Uint8Array, window: number): void {
  const by = positionOf(state[AT.token]!) - window
  if (by <= 0) return
  state[AT.moved] = 1
  if (state[AT.hasPrevious] === 1 && positionOf(state[AT.stolen]!) - 1 < by) forgetPrevious(state)
  for (const at of TOKENS) state[at] = moved(state[at]!, by)
  for (const at of [AT.seen, AT.access]) state[at] = Math.max(0, state[at]! - by)
  state.copyWithin(AT.told, Math.min(AT.flights, AT.told + by), AT.flights)
  state.fill(0, Math.max(AT.told, AT.flights - by), AT.flights)
  for (let at = AT.flights; at < state.length; at += FLIGHT_BYTES) state[at + 1] = moved(state[at + 1]!, by)
}

export function forgetPrevious(state: Uint8Array): void {
  state[AT.hasPrevious] = 0
  state[AT.previousMarks] = 0
  state[AT.previousMarks + 1] = 0
}

/** Sorts the requests and answers in progress: which tab sent a request makes no difference. */
export function sortFlights(state: Uint8Array): void {
  for (let end = state.length - FLIGHT_BYTES; end > AT.flights; end -= FLIGHT_BYTES)
    for (let at = AT.flights; at < end; at += FLIGHT_BYTES)
      if (valueAt(state, at) < valueAt(state, at + FLIGHT_BYTES)) swap(state, at)
}

function valueAt(state: Uint8Array, at: number): number {
  return ((state[at]! * 256 + state[at + 1]!) * 256 + state[at + 2]!) * 256 + state[at + 3]!
}

function swap(state: Uint8Array, at: number): void {
  for (let byte = at; byte < at + FLIGHT_BYTES; byte++) {
    const kept = state[byte]!
    state[byte] = state[byte + FLIGHT_BYTES]!
    state[byte + FLIGHT_BYTES] = kept
  }
}
