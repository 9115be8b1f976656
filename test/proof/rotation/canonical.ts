import { AT, FLIGHT_BYTES, forgetPrevious, KIND, moveWindow, renameMarks, sortFlights } from './state.js'
import { ANCIENT, positionOf } from './tokens.js'
import type { World } from './world.js'

/** Gives states one form if they differ only in what cannot matter any more. */
export function settle({ bounds, rules, length }: World, s: Uint8Array): void {
  moveWindow(s, bounds.window)
  if (s[AT.failovers] === 0) s.fill(0, AT.lastToken, AT.commitAge + 1)
  const current = positionOf(s[AT.token]!)
  const oldest = s[AT.lastToken] === 0 ? current : Math.min(current, positionOf(s[AT.lastToken]!))
  if (s[AT.seen]! < oldest + 1) s[AT.seen] = 0
  if (s[AT.seen] === 0) s[AT.seenAfter] = 0
  if (s[AT.access]! < oldest + 1) s[AT.access] = 0
  if (s[AT.crashes] === 0) s.fill(0, AT.disk, AT.tainted + 1)
  else if (s[AT.disk] === s[AT.jar] && s[AT.diskMark] === s[AT.jarMark] && s[AT.diskTicket] === s[AT.jarTicket]) {
    s[AT.dirty] = 0
    s[AT.tainted] = 0
  } else if (s[AT.dirty] === 0) s[AT.dirty] = 1
  for (let at = AT.flights; at < length; at += FLIGHT_BYTES) {
    if (s[at] !== KIND.answer) continue
    if (s[AT.crashes] === 0) s[at + 3]! &= 1
    // An answer that would change nothing at its arrival counts as lost.
    if (rules.slots && s[at + 1]! < s[AT.jar]! && s[at + 3]! % 2 === 0 && s[at + 1] !== ANCIENT) s.fill(0, at, at + 4)
  }
  if (s[AT.stolen] !== 0) settleThief(s, oldest)
  renameMarks(s, oldest - 1)
  sortFlights(s)
}

function settleThief(s: Uint8Array, oldest: number): void {
  // Two generations behind, every token of the thief stays superseded for ever.
  if (positionOf(s[AT.stolen]!) < oldest - 1) {
    s[AT.stolen] = ANCIENT
    s.fill(0, AT.stolenMarks, AT.gains)
    s[AT.ownerWentOn] = 0
    s[AT.gains] = 0
  } else if (positionOf(s[AT.stolen]!) - 1 < oldest - 1) forgetPrevious(s)
}
