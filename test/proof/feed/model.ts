import type { Model } from '../search.js'
import { DECISIONS, type Decisions, isFresh } from './follower.js'
import { COMMITTED, decodeState, encodeState, initialState, NONE, type State } from './state.js'
import { connectionSteps, databaseSteps, type FeedBounds, instanceSteps, SENDER_RULES, timeSteps } from './steps.js'

const base = {
  transactions: 1,
  instances: 1,
  stalenessTicks: 1,
  frames: 1,
  sleeps: false,
  failover: false,
  kills: false,
  replaces: false,
}

export const FEED_BOUNDS = {
  ci: {
    failover: { ...base, transactions: 2, failover: true },
    kills: { ...base, instances: 2, kills: true },
    sleeps: { ...base, stalenessTicks: 2, frames: 2, sleeps: true },
    replaces: { ...base, replaces: true },
  },
  full: {
    failover: { ...base, transactions: 2, frames: 2, failover: true, kills: true },
    instances: { ...base, instances: 2, frames: 2, sleeps: true, kills: true },
    sleeps: { ...base, stalenessTicks: 3, frames: 3, sleeps: true },
    replaces: { ...base, instances: 2, replaces: true },
    replacesInFailover: { ...base, failover: true, replaces: true },
  },
} as const satisfies Record<string, Record<string, FeedBounds>>

/**
 * Revocations commit; instances learn of them and read the journal; a follower connects to any instance, loses its
 * connection at any moment, also in the middle of a snapshot, connects again, and opens another connection beside the one
 * that it has. Everything takes any time, in any
 * order. Postgres fails over once, without the last commit. The follower's machine sleeps, while its monotonic clock
 * stands still.
 *
 * Checked in every state: no token is accepted longer after the commit of its revocation than the bound; a position that
 * could be confirmed names only revocations that the follower has.
 *
 * The decisions of the follower are those of packages/verifier/src/feed/feed-progress.ts.
 */
export function feedModel(bounds: FeedBounds, weakened: Partial<Decisions> = {}, rules = SENDER_RULES): Model {
  const decisions = { ...DECISIONS, ...weakened }
  const cap = bounds.stalenessTicks + 1
  return {
    name: 'feed',
    bounds: [JSON.stringify(bounds)],
    initial: [encodeState(initialState(bounds.transactions, bounds.instances), bounds.frames)],
    steps(bytes, visit) {
      const emit = (what: string, change: (state: State) => void) => {
        const next = decodeState(bytes, bounds.frames)
        change(next)
        visit(encodeState(next, bounds.frames), () => what, brokenIn(next, decisions, bounds))
      }
      const state = decodeState(bytes, bounds.frames)
      timeSteps(emit, bounds, cap)
      databaseSteps(emit, state, bounds)
      for (let at = 0; at < bounds.instances; at++) instanceSteps(emit, state, at, bounds)
      connectionSteps(emit, state, bounds, decisions, cap, rules)
    },
  }
}

function brokenIn(
  { transactions, follower }: State,
  decisions: Decisions,
  { stalenessTicks }: FeedBounds,
): string | null {
  const overdue = transactions.some(
    ({ status, age }, j) => status === COMMITTED && age > stalenessTicks && !(follower.known & (1 << j)),
  )
  if (overdue && isFresh(decisions, follower, stalenessTicks))
    return 'a token is accepted longer after its revocation than the bound'
  if (follower.position !== NONE && (follower.position & ~follower.known) !== 0)
    return 'a position is confirmed that the follower has not reached'
  return null
}
