import { nameOf } from './describe.js'
import { AT, freshMark } from './state.js'
import { ANCIENT, positionOf } from './tokens.js'
import type { Go, World } from './world.js'

/** The steps of a thief who copies the cookie jar once. */
export function thiefStepsOf({ bounds, service, next, show, checkAnswer }: World) {
  /**
   * The thief's requests are answered at once: a delayed request is the same as a later one. Left out is what brings
   * the thief nothing: tickets, which only end the session; tokens older than the predecessor of the best one, which
   * are superseded; and marks other than one that the owner has, one that the owner does not have, and none.
   */
  function thiefSteps(s: Uint8Array, go: Go): void {
    const best = s[AT.stolen]!
    if (best === 0) {
      next.set(s)
      next[AT.stolen] = s[AT.jar]!
      next[AT.stolenMarks] = s[AT.jarMark]!
      next[AT.ownerWentOn] = 1
      go(() => 'the thief copies the jar')
      return
    }
    if (best === ANCIENT) return
    for (const mark of [s[AT.stolenMarks]!, s[AT.stolenMarks + 1]!, 0]) present(s, best, mark, go)
    if (s[AT.hasPrevious] === 1)
      for (const mark of [s[AT.previousMarks]!, s[AT.previousMarks + 1]!, 0]) present(s, best >> 1, mark, go)
    for (const mark of [s[AT.stolenMarks]!, 0]) ask(s, best, mark, go)
    if (s[AT.hasPrevious] === 1) for (const mark of [s[AT.previousMarks]!, 0]) ask(s, best >> 1, mark, go)
    next.set(s)
    service.recordActivity(next, positionOf(best))
    go(() => 'the thief uses an access token')
  }

  /** Gives the thief an access token only, so no generation. */
  function ask(s: Uint8Array, token: number, mark: number, go: Go): void {
    next.set(s)
    const outcome = service.ask(next, show(token, mark, 0))
    if (outcome.is === 'superseded') return
    const violation = checkAnswer(s, outcome)
    if (violation === null && s[AT.seen] === next[AT.seen] && s[AT.seenAfter] === next[AT.seenAfter]) return
    const { verdict } = outcome
    go(() => `the thief asks with ${nameOf(s, token)}, mark ${mark}, without rotating: ${verdict}`, violation)
  }

  function present(s: Uint8Array, token: number, mark: number, go: Go): void {
    for (let newest = s[AT.secrets]! >> 1; newest <= (s[AT.secrets]! + 1) >> 1; newest++) {
      next.set(s)
      const outcome = service.answer(next, show(token, mark, 0), newest)
      if (outcome.is !== 'tokens') continue
      let violation = checkAnswer(s, outcome)
      const { verdict } = outcome
      if (positionOf(outcome.token) > positionOf(next[AT.answered]!)) next[AT.answered] = outcome.token
      if (gain(next, outcome.token, token, mark)) {
        next[AT.ownerWentOn] = 0
        if (++next[AT.gains]! > bounds.maxGains!)
          violation ??= `the thief gains more than ${bounds.maxGains} generations`
      }
      go(() => `the thief presents ${nameOf(s, token)}, mark ${mark}: ${verdict}`, violation)
    }
  }

  /** What the thief keeps of an answer. Returns whether the thief gains a generation by it, after the owner went on. */
  function gain(s: Uint8Array, token: number, presented: number, shownMark: number): boolean {
    const best = s[AT.stolen]!
    const mark = token === presented && shownMark !== 0 ? shownMark : freshMark(s, positionOf(token))
    if (token === best) {
      const [a, b] = [s[AT.stolenMarks]!, s[AT.stolenMarks + 1]!]
      if (mark !== a && mark !== b && (a === 0 || b === 0)) s[a === 0 ? AT.stolenMarks : AT.stolenMarks + 1] = mark
      return false
    }
    s[AT.hasPrevious] = 1
    s.copyWithin(AT.previousMarks, AT.stolenMarks, AT.stolenMarks + 2)
    s[AT.stolen] = token
    s[AT.stolenMarks] = mark
    s[AT.stolenMarks + 1] = 0
    return s[AT.ownerWentOn] === 1
  }

  return thiefSteps
}
