import type { Model } from '../search.js'
import { GUARDS, type Guards } from './guards.js'
import { journalSteps } from './journal-steps.js'
import { postgresSteps, repairSteps } from './postgres-steps.js'
import { newsSteps, redisSteps } from './redis-steps.js'
import { COMMITTED, DOWN, IDLE, instance, NEVER, NEXT_XID, tx, txAt } from './state.js'
import { type RevocationBounds, World } from './world.js'

const base = { transactions: 1, instances: 1, failovers: 1, stalenessTicks: 1, pageSize: 1, standby: true, redis: true }

/**
 * With everything at once, only few revocations can be searched; so the journal and the stream are also searched alone.
 */
export const REVOCATION_BOUNDS = {
  ci: base,
  ciJournal: { ...base, transactions: 2, redis: false },
  ciStream: { ...base, transactions: 2, failovers: 0, pageSize: 5, standby: false },
  full: { ...base, transactions: 2, pageSize: 5, standby: false },
  fullJournal: { ...base, transactions: 3, redis: false },
} as const satisfies Record<string, RevocationBounds>

/**
 * Revocations are committed and published, while instances follow the journal and the stream. Every fault can occur at
 * any time: reads fail, connections break, answers wait, instances restart, Postgres fails over without the last
 * commits, Redis without the entries that its replica lacks. Durations and repetitions have no bound, except failovers
 * of Postgres.
 *
 * Checked in every state:
 * - no token is accepted longer after the commit of its revocation than REVOCATION_MAX_STALENESS;
 * - a read of the journal knows what was committed before it began, so that it takes a second while Postgres can be read;
 * - entries that an instance found lost in a failover are repaired, unless an attempt is in progress or due.
 *
 * The decisions are those of src: startRead, nextRead, Freshness, findLostRevocations, RevocationList. What is only modelled is what
 * lies between them: the statements of src/postgres/journal.ts, the loop of src/redis/revocation-stream.ts, and when Revocations
 * repairs.
 *
 * Assumed: an entry is on the stream within the tick of its commit, or never. The first promise does not hold for an
 * entry that was never published, at an instance that had an unbroken connection to Redis then and could not read the
 * journal since: it cannot notice. And it does not cover an entry that no instance knew when a failover lost it.
 *
 * Not in the model: entries that expire, clocks, forged entries, a Redis Cluster, ids of the stream that go back, a
 * Postgres that comes back from a crash under the same start time, what is committed asynchronously, and the blacklist.
 *
 * @param weakened - guards to replace, to check that the search finds the consequence
 */
export function revocationModel(bounds: RevocationBounds, weakened: Partial<Guards> = {}): Model {
  const world = new World(bounds, { ...GUARDS, ...weakened })
  return {
    name: 'revocation',
    bounds: describeBounds(bounds),
    initial: [initialState(world)],
    steps(state, visit) {
      world.visit = visit
      tick(world, state)
      postgresSteps(world, state)
      if (bounds.redis) redisSteps(world, state)
      for (let i = 0; i < bounds.instances; i++) {
        const at = world.at(i)
        journalSteps(world, state, at)
        if (bounds.redis) newsSteps(world, state, at)
        repairSteps(world, state, at)
        restart(world, state, at)
      }
    },
  }
}

function describeBounds(bounds: RevocationBounds): string[] {
  return [
    `${bounds.transactions} revocations, each in a transaction of its own`,
    `${bounds.instances} instances, started again at any time`,
    `${bounds.failovers} failovers of Postgres, each losing any number of the last commits`,
    `a bound of ${bounds.stalenessTicks} ticks; time has no end`,
    `${bounds.pageSize} rows a statement of the journal`,
    bounds.standby ? 'a standby without the rows may answer any statement' : 'no standby answers',
    bounds.redis ? 'Redis: connections break and failovers lose entries at any time' : 'no Redis',
  ]
}

function initialState(world: World): Uint8Array {
  const state = new Uint8Array(world.next.length)
  state[NEXT_XID] = 1
  for (let i = 0; i < world.bounds.instances; i++) state[world.at(i) + instance.freshAge] = NEVER
  return state
}

/** Time passes. */
function tick(world: World, state: Uint8Array): void {
  const { bounds, next } = world
  const oldest = bounds.stalenessTicks + 1
  const age = (at: number) => {
    if (next[at]! < oldest) next[at]!++
  }
  next.set(state)
  for (let j = 0; j < bounds.transactions; j++) {
    const from = txAt(j)
    if (next[from + tx.status] === COMMITTED) age(from + tx.age)
  }
  for (let i = 0; i < bounds.instances; i++) {
    const at = world.at(i)
    age(at + instance.freshAge)
    // An entry is no longer excused once the instance has noticed the break and is stale.
    if (next[at + instance.link] === DOWN && next[at + instance.freshAge]! >= oldest) next[at + instance.excused] = 0
    if (next[at + instance.hasAnswer] === 1) age(at + instance.answerAge)
    if (next[at + instance.phase] !== IDLE) age(at + instance.begunAge)
  }
  world.emit(() => 'a tick passes')
}

/** An instance ends and another one starts in its place, with an empty list. */
function restart(world: World, state: Uint8Array, at: number): void {
  const { next } = world
  next.set(state)
  world.undoRepair(at)
  next.fill(0, at, at + instance.bytes)
  next[at + instance.freshAge] = NEVER
  world.emit(() => 'an instance is started again')
}
