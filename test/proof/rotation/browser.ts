import { nameOf } from './describe.js'
import { AT, FLIGHT_BYTES, KIND } from './state.js'
import { ANCIENT, positionOf } from './tokens.js'
import type { Go, World } from './world.js'

const CHANGED_BY_ASKING = [AT.seen, AT.seenAfter, AT.access]

/** The steps of a browser, or of a client that stores its token itself. */
export function browserStepsOf({ bounds, service, hasThief, length, next, show, isCounted, checkAnswer }: World) {
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
    askSteps(s, go)
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

  /**
   * A server asks with `rotate: false` for an access token, which it uses at any time: with what the browser sends now,
   * or sent before its last rotation in a request that the network delayed. Older tokens are refused, which changes
   * nothing.
   */
  function askSteps(s: Uint8Array, go: Go): void {
    const jar = s[AT.jar]!
    ask(s, jar, s[AT.jarMark]!, go)
    if (jar === ANCIENT || jar >> 1 === 0) return
    ask(s, jar >> 1, s[AT.previousMark]!, go)
    if (s[AT.previousMark] !== 0) ask(s, jar >> 1, 0, go)
  }

  function ask(s: Uint8Array, token: number, mark: number, go: Go): void {
    next.set(s)
    const outcome = service.ask(next, show(token, mark, 0))
    const { verdict } = outcome
    if (outcome.is === 'superseded') {
      const isHonest = !hasThief && token === s[AT.jar] && !(s[AT.counted] === 0 && isCounted(s, token, mark))
      if (isHonest) go(() => 'a server asks with the jar', `a page is signed out: ${verdict}`)
      return
    }
    const violation = checkAnswer(s, outcome)
    next[AT.access] = Math.max(next[AT.access]!, positionOf(outcome.token) + 1)
    // Nothing else can change. Most of these steps change nothing.
    if (violation === null && CHANGED_BY_ASKING.every(at => s[at] === next[at])) return
    go(() => `a server asks with ${nameOf(s, token)} without rotating: ${verdict}`, violation)
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
