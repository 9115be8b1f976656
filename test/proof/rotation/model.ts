import type { Model } from '../search.js'
import type { RotationBounds } from './bounds.js'
import { browserStepsOf } from './browser.js'
import { settle } from './canonical.js'
import { describe, describeBounds } from './describe.js'
import { requestStepsOf } from './requests.js'
import { RULES, type Rules } from './rules.js'
import { AT, FLIGHT_BYTES, KIND } from './state.js'
import { storeStepsOf } from './stores.js'
import { thiefStepsOf } from './thief.js'
import { createWorld, type World } from './world.js'

type Visit = Parameters<Model['steps']>[1]

/**
 * Rotation with one browser, and with a thief who copied its cookie jar once if the bounds allow one.
 *
 * The jar has the youngest token with its mark, and the ticket. Older cookies are left out: of several tokens the
 * service takes the youngest unless it is unknown, which is a violation anyway.
 */
export function rotationModel(name: string, bounds: RotationBounds, rules: Rules = RULES): Model {
  const world = createWorld(bounds, rules)
  const { length, hasThief, next, service, show, isCounted } = world
  const browserSteps = browserStepsOf(world)
  const requestSteps = requestStepsOf(world)
  const storeSteps = storeStepsOf(world)
  const thiefSteps = thiefStepsOf(world)
  const probe = new Uint8Array(length)

  function steps(s: Uint8Array, visit: Visit): void {
    if (s[AT.over] === 1) return
    const go = (what: () => string, violation: string | null = null) => {
      settle(world, next)
      visit(next, what, violation)
    }
    if (!hasThief) checkJar(s, visit)
    next.set(s)
    if (tick(world)) go(() => 'a tick')
    browserSteps(s, go)
    for (let at = AT.flights; at < length; at += FLIGHT_BYTES) requestSteps(s, at, go)
    storeSteps(s, go)
    if (hasThief) thiefSteps(s, go)
  }

  /** The invariant of a browser without a thief: at any time its jar gets tokens, and signing in ends no session. */
  function checkJar(s: Uint8Array, visit: Visit) {
    if (s[AT.counted] === 0 && isCounted(s, s[AT.jar]!, s[AT.jarMark]!)) return
    const match = s[AT.jarTicket] === s[AT.jar]
    const more = (s[AT.jarTicket] === 0 ? 0 : 1) + (match ? 2 : 0)
    probe.set(s)
    const { is, verdict } = service.answer(probe, show(s[AT.jar]!, s[AT.jarMark]!, more), s[AT.secrets]! >> 1)
    if (is !== 'tokens') visit(probe, () => 'the jar is presented', `the browser is signed out: ${verdict}`)
    if (s[AT.jarTicket] === 0) return
    const signIn = service.judge(s, show(s[AT.jar]!, s[AT.jarMark]!, more))
    if (signIn.is === 'reused') visit(s, () => 'the user signs in again', 'signing in ends an honest session')
  }

  return { name, bounds: describeBounds(bounds), initial: [initialState(world)], steps, describe }
}

function tick({ bounds, capAge, length, next: s }: World): boolean {
  const { inBody, graceTicks } = bounds
  if (s[AT.dirty]! > bounds.flushTicks) return false
  if (s[AT.dirty] !== 0) s[AT.dirty]!++
  if (s[AT.age]! < capAge) s[AT.age]!++
  if (s[AT.lastToken] !== 0 && ++s[AT.commitAge]! > bounds.lagTicks) s.fill(0, AT.lastToken, AT.commitAge + 1)
  for (let at = AT.told; at < AT.flights; at++) if (s[at]! > 0 && s[at]! <= graceTicks + 1) s[at]!++
  for (let at = AT.flights; at < length; at += FLIGHT_BYTES) {
    if (s[at] === KIND.answer && s[at + 3]! >> 1 <= bounds.answerTicks) s[at + 3]! += 2
    else if (inBody && (s[at] === KIND.sent || s[at] === KIND.orphan)) {
      s[at + 3]! += 4
      if (s[at + 3]! >> 2 > graceTicks) s.fill(0, at, at + FLIGHT_BYTES)
    }
  }
  return true
}

function initialState(world: World): Uint8Array {
  const { bounds, hasThief } = world
  const initial = new Uint8Array(world.length)
  initial[AT.token] = 1
  initial[AT.answered] = 1
  initial[AT.jar] = 1
  initial[AT.jarMark] = bounds.inBody ? 0 : 1
  initial[AT.access] = 1
  initial.copyWithin(AT.disk, AT.jar, AT.jar + 3)
  initial[AT.crashes] = bounds.crashes
  initial[AT.failovers] = bounds.failovers
  initial[AT.losses] = bounds.losses
  initial[AT.counted] = hasThief ? 0 : bounds.counted
  settle(world, initial)

  return initial
}
