import { lostBy } from './entries.js'
import {
  COMMITTED,
  instance,
  LOST,
  NEW,
  NEXT_XID,
  NOT_BEGUN,
  OPEN,
  REPLICATED,
  ROLLED_BACK,
  SERVER,
  tx,
  txAt,
  UP,
} from './state.js'
import type { World } from './world.js'

/** Transactions begin, get an id, and commit in any order; the server fails over and loses the last commits. */
export function postgresSteps(world: World, state: Uint8Array): void {
  const { bounds, next } = world
  let ended = 0
  for (let j = 0; j < bounds.transactions; j++) {
    const from = txAt(j)
    if (state[from + tx.status] === NOT_BEGUN) {
      next.set(state)
      next[from + tx.status] = OPEN
      next[from + tx.xid] = next[NEXT_XID]!++
      world.emit(() => `revocation ${j} begins as transaction ${state[NEXT_XID]}`)
    }
    const xid = state[from + tx.xid]!
    // The entries of a repair are one transaction.
    if (state[from + tx.status] === OPEN && !(ended & (1 << xid))) {
      ended |= 1 << xid
      commit(world, state, xid, true)
      commit(world, state, xid, false)
      rollBack(world, state, xid)
    }
  }
  if (state[SERVER]! < bounds.failovers) failOver(world, state)
}

/**
 * The entry is on the stream at once, or never. A delay within the tick changes nothing, as the age of what is read
 * then counts from the commit; what arrives later is read later.
 */
function commit(world: World, state: Uint8Array, xid: number, isPublished: boolean): void {
  const { bounds, next } = world
  next.set(state)
  let order = 1
  for (let j = 0; j < bounds.transactions; j++) order = Math.max(order, next[txAt(j) + tx.order]! + 1)
  for (let j = 0; j < bounds.transactions; j++) {
    const from = txAt(j)
    if (next[from + tx.status] !== OPEN || next[from + tx.xid] !== xid) continue
    next[from + tx.status] = COMMITTED
    // The order matters to a failover that is still to come.
    next[from + tx.order] = next[SERVER]! < bounds.failovers ? order : 0
    next[from + tx.age] = 0
    tell(world, j, isPublished)
  }
  for (let i = 0; i < bounds.instances; i++)
    if (next[world.at(i) + instance.repairXid] === xid) next[world.at(i) + instance.repairXid] = 0
  world.emit(() => `transaction ${xid} commits, and is ${isPublished ? '' : 'not '}published`)
}

function rollBack(world: World, state: Uint8Array, xid: number): void {
  const { bounds, next } = world
  next.set(state)
  for (let i = 0; i < bounds.instances; i++)
    if (next[world.at(i) + instance.repairXid] === xid) world.undoRepair(world.at(i))
  endOpen(world, xid)
  world.emit(() => `transaction ${xid} is rolled back`)
}

/** @param xid - of one transaction; undefined ends all */
function endOpen(world: World, xid?: number): void {
  const { bounds, next } = world
  for (let j = 0; j < bounds.transactions; j++) {
    const from = txAt(j)
    if (next[from + tx.status] !== OPEN || (xid !== undefined && next[from + tx.xid] !== xid)) continue
    next[from + tx.status] = ROLLED_BACK
    next[from + tx.xid] = 0
  }
}

/** An unpublished entry is excused at an instance with an unbroken connection to Redis: it cannot notice. */
function tell(world: World, j: number, isPublished: boolean): void {
  const { bounds, next } = world
  const bit = 1 << j
  next[REPLICATED]! &= ~bit
  for (let i = 0; i < bounds.instances; i++) {
    const at = world.at(i)
    const isListening = next[at + instance.link] === UP
    const isKnown = (next[at + instance.known]! & bit) !== 0
    next[at + instance.excused]! &= ~bit
    if (isPublished && next[at + instance.link] !== NEW) next[at + instance.pending]! |= bit
    if (!isPublished && isListening && !isKnown) next[at + instance.excused]! |= bit
  }
}

/** A standby takes over that has only the first commits. The transaction ids of those that it lacks are used again. */
function failOver(world: World, state: Uint8Array): void {
  const { bounds, next } = world
  const last = Math.max(...Array.from({ length: bounds.transactions }, (_, j) => state[txAt(j) + tx.order]!))
  for (let kept = 0; kept <= last; kept++) {
    next.set(state)
    next[SERVER]!++
    for (let i = 0; i < bounds.instances; i++) world.undoRepair(world.at(i))
    endOpen(world)
    let highest = 0
    for (let j = 0; j < bounds.transactions; j++) {
      const from = txAt(j)
      if (next[from + tx.status] !== COMMITTED) continue
      if (next[from + tx.order]! <= kept) highest = Math.max(highest, next[from + tx.xid]!)
      else lose(world, j)
      if (next[SERVER] === bounds.failovers) next[from + tx.order] = 0
    }
    next[NEXT_XID] = highest + 1
    world.emit(() => `Postgres fails over to a server that has the first ${kept} of ${last} commits`)
  }
}

function lose(world: World, j: number): void {
  const { bounds, next } = world
  const from = txAt(j)
  next[from + tx.status] = LOST
  for (const field of [tx.xid, tx.order, tx.age]) next[from + field] = 0
  for (let i = 0; i < bounds.instances; i++) {
    const at = world.at(i)
    next[at + instance.mustSee]! &= ~(1 << j)
    next[at + instance.excused]! &= ~(1 << j)
  }
}

/** An instance that found another server repairs lost entries; a lock keeps others from repairing at the same time. */
export function repairSteps(world: World, state: Uint8Array, at: number): void {
  const { bounds, next } = world
  if (state[at + instance.isRepairDue] === 0 || state[at + instance.repairXid] !== 0) return
  for (let i = 0; i < bounds.instances; i++) if (state[world.at(i) + instance.repairXid] !== 0) return
  next.set(state)
  next[at + instance.isRepairDue] = 0
  const lost = lostBy(state[at + instance.known]!, world.withStatus(state, COMMITTED))
  if (lost !== 0) {
    const xid = next[NEXT_XID]!++
    next[at + instance.repairXid] = xid
    for (let j = 0; j < bounds.transactions; j++) {
      if (!(lost & (1 << j))) continue
      if (next[txAt(j) + tx.status] !== LOST) throw new Error(`revocation ${j} is known and was never committed`)
      next[txAt(j) + tx.status] = OPEN
      next[txAt(j) + tx.xid] = xid
    }
  }
  world.emit(() => (lost === 0 ? 'an instance finds nothing left to repair' : 'an instance begins to repair'))
}
