import { nameOf } from './describe.js'
import type { Outcome } from './service.js'
import { AT, FLIGHT_BYTES, freshMark, KIND } from './state.js'
import { positionOf } from './tokens.js'
import type { Go, World } from './world.js'

/** What happens to requests and answers in progress. */
export function requestStepsOf({ bounds, rules, service, hasThief, next, show, isCounted, checkAnswer }: World) {
  const { inBody } = bounds

  function flightSteps(s: Uint8Array, at: number, go: Go): void {
    const [kind, token, mark, more] = [s[at]!, s[at + 1]!, s[at + 2]!, s[at + 3]!]
    if (kind === KIND.none) return
    if (kind === KIND.sent || kind === KIND.orphan) {
      for (let newest = s[AT.secrets]! >> 1; newest <= (s[AT.secrets]! + 1) >> 1; newest++) {
        next.set(s)
        if (!hasThief && isCounted(s, token, mark)) {
          if (s[AT.counted] === 0) return
          next[AT.counted]!--
        }
        const outcome = service.answer(next, show(token, mark, more), newest)
        let violation = checkAnswer(s, outcome)
        const { verdict, is } = outcome
        if (inBody && kind === KIND.sent && is === 'superseded')
          violation ??= 'a client with its newest token is refused'
        receive(next, at, outcome)
        if (hasThief && is === 'tokens' && outcome.token > token) next[AT.ownerWentOn] = 1
        go(() => `the service answers the request with ${nameOf(s, token)}, mark ${mark}: ${verdict}`, violation)
      }
      return
    }
    next.set(s)
    arrive(next, at)
    go(() =>
      kind === KIND.answer ? `the answer with ${nameOf(s, token)}, mark ${mark}, arrives` : 'a refusal arrives',
    )
    next.set(s)
    next.fill(0, at, at + FLIGHT_BYTES)
    go(() => (kind === KIND.answer ? `the answer with ${nameOf(s, token)} is lost` : 'a refusal is lost'))
  }

  /** Turns a request that was answered into its answer. */
  function receive(s: Uint8Array, at: number, outcome: Outcome): void {
    const [kind, token, mark, more] = [s[at]!, s[at + 1]!, s[at + 2]!, s[at + 3]!]
    s.fill(0, at, at + FLIGHT_BYTES)
    if (outcome.is === 'reused') s[AT.over] = 1
    else if (outcome.is === 'tokens') {
      if (positionOf(outcome.token) > positionOf(s[AT.answered]!)) s[AT.answered] = outcome.token
      if (kind === KIND.orphan) return
      const keeps = inBody || (outcome.token === token && mark !== 0)
      const markAfter = keeps ? mark : freshMark(s, positionOf(outcome.token))
      s.set([KIND.answer, outcome.token, markAfter, more & 1], at)
    } else if (outcome.is === 'superseded' && kind !== KIND.orphan && !inBody) s.set([KIND.refusal, token, 0, 0], at)
  }

  function arrive(s: Uint8Array, at: number): void {
    const [kind, token, mark, more] = [s[at]!, s[at + 1]!, s[at + 2]!, s[at + 3]!]
    s.fill(0, at, at + FLIGHT_BYTES)
    if (kind === KIND.refusal) {
      s[AT.jarTicket] = token
      return
    }
    const position = positionOf(token)
    if (position > positionOf(s[AT.jar]!) && more >> 1 > bounds.answerTicks) s[AT.tainted] = 1
    if (position >= positionOf(s[AT.jar]!) || !rules.slots) {
      s[AT.jar] = token
      s[AT.jarMark] = mark
    }
    if (more & 1) s[AT.jarTicket] = 0
    s[AT.access] = Math.max(s[AT.access]!, position + 1)
  }

  return flightSteps
}
