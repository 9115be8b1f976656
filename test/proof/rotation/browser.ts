import { AT, FLIGHT_BYTES, KIND } from './state.js'
import { positionOf } from './tokens.js'
import type { Go, World } from './world.js'

/** The steps of a browser, or of a client that stores its token itself. */
export function browserStepsOf({ bounds, service, hasThief, length, next, show }: World) {
  const { inBody } = bounds

  function browserSteps(s: Uint8Array, go: Go): void {
    // The flights are sorted, the free ones last.
    const free = length - FLIGHT_BYTES
    if (inBody) giveUpSteps(s, go)
    if (s[free] === KIND.none && !(inBody && isWaiting(s))) {
      next.set(s)
      const ticket = s[AT.jarTicket] === 0 ? 0 : s[AT.jarTicket] === s[AT.jar] ? 3 : 1
      next.set([KIND.sent, s[AT.jar]!, s[AT.jarMark]!, ticket], free)
      go(() => 'a tab sends the jar')
    }
    if (s[AT.access]! > 0) {
      next.set(s)
      service.recordActivity(next, s[AT.access]! - 1)
      go(() => 'a tab uses its access token')
    }
    if (s[AT.dirty]! > 0) {
      next.set(s)
      flush(next)
      go(() => 'the jar is written to disk')
      if (s[AT.tainted] === 0) {
        next.set(s)
        crash(next)
        go(() => 'the browser crashes, and starts with what is on disk')
      }
    }
    if (hasThief && s[AT.jarTicket] !== 0) {
      next.set(s)
      const match = s[AT.jarTicket] === s[AT.jar]
      const verdict = service.judge(s, show(s[AT.jar]!, s[AT.jarMark]!, match ? 3 : 1)).is
      if (verdict === 'reused') next[AT.over] = 1
      const missed = match && verdict === 'superseded'
      if (verdict === 'reused' || missed)
        go(
          () => 'the owner signs in again',
          missed ? 'the overtaken owner signs in, and the thief keeps the session' : null,
        )
    }
  }

  /** Whether a client that stores its token itself waits for an answer; it sends one request at a time. */
  function isWaiting(s: Uint8Array): boolean {
    for (let at = AT.flights; at < length; at += FLIGHT_BYTES)
      if (s[at] === KIND.sent || s[at] === KIND.answer) return true
    return false
  }

  function giveUpSteps(s: Uint8Array, go: Go): void {
    for (let at = AT.flights; at < length; at += FLIGHT_BYTES) {
      if (s[at] !== KIND.sent) continue
      next.set(s)
      next[at] = KIND.orphan
      go(() => 'the client stops waiting for an answer')
    }
  }

  function flush(s: Uint8Array): void {
    s.copyWithin(AT.disk, AT.jar, AT.jar + 3)
    s[AT.dirty] = 0
    s[AT.tainted] = 0
  }

  function crash(s: Uint8Array): void {
    s.copyWithin(AT.jar, AT.disk, AT.disk + 3)
    s[AT.dirty] = 0
    s[AT.crashes]!--
    s[AT.access] = Math.min(s[AT.access]!, positionOf(s[AT.jar]!) + 1)
    for (let at = AT.flights; at < length; at += FLIGHT_BYTES) {
      const isLost = s[at] !== KIND.sent || (bounds.crashTakesRequests && s[at + 1] !== s[AT.jar])
      if (s[at] === KIND.orphan) continue
      if (isLost) s.fill(0, at, at + FLIGHT_BYTES)
      else s[at] = KIND.orphan
    }
  }

  return browserSteps
}
