import { AT } from './state.js'
import type { Go, World } from './world.js'

/** Faults of Postgres and Redis, and the change of the secret. */
export function storeStepsOf({ bounds, capAge, next }: World) {
  function failover(s: Uint8Array): void {
    const sinceBefore = s[AT.lastAge]!
    s[AT.seenAfter] = Math.min(capAge, s[AT.seenAfter]! + sinceBefore)
    s[AT.age] = Math.min(capAge, s[AT.age]! + sinceBefore)
    s[AT.token] = s[AT.lastToken]!
    s[AT.nextBit] = s[AT.lastNextBit]!
    s[AT.previousMark] = s[AT.lastPreviousMark]!
    s[AT.lateReplays] = s[AT.lastLateReplays]!
    s[AT.late] = s[AT.lastLate]!
    s[AT.failovers]!--
    s.fill(0, AT.lastToken, AT.commitAge + 1)
    if (s[AT.dirty]! > 0) s[AT.tainted] = 1
  }

  function storeSteps(s: Uint8Array, go: Go): void {
    if (s[AT.failovers]! > 0 && s[AT.lastToken] !== 0) {
      next.set(s)
      failover(next)
      go(() => 'Postgres fails over, and has lost the last commit')
    }
    if (s[AT.losses]! > 0 && s[AT.seen] !== 0) {
      next.set(s)
      next[AT.losses]!--
      next[AT.seen] = 0
      go(() => 'Redis loses what it holds')
    }
    if (bounds.secretsChange && s[AT.secrets]! < 2) {
      next.set(s)
      next[AT.secrets]!++
      go(() =>
        s[AT.secrets] === 0 ? 'instances are restarted with a new secret, one by one' : 'all have the new secret',
      )
    }
  }

  return storeSteps
}
