import { refusedBy } from './entries.js'
import type { Guards } from './guards.js'
import { renumber } from './renumber.js'
import {
  COMMITTED,
  instance,
  instanceAt,
  LOST,
  NEVER,
  OPEN,
  REPLICATED,
  SERVER,
  sortInstances,
  tx,
  txAt,
} from './state.js'

export interface RevocationBounds {
  /** Revocations, each in a transaction of its own: 4 at most. */
  readonly transactions: number
  readonly instances: number
  /** How often Postgres may fail over to a server that lacks the last commits. */
  readonly failovers: number
  /** REVOCATION_MAX_STALENESS, in ticks. */
  readonly stalenessTicks: number
  /** How many rows a statement of the journal reads. */
  readonly pageSize: number
  /** Whether a statement may be answered by a standby that has none of the rows yet. */
  readonly standby: boolean
  /** Whether there is a Redis. */
  readonly redis: boolean
}

export type Visit = (next: Uint8Array, what: () => string, violation: string | null) => void

const TICK_MS = 1000
const NOW_MS = 1e9
/** When the connection to Redis was made. All that matters is whether the journal was read before or after. */
const UNBROKEN_SINCE_MS = NOW_MS - 1e6

/**
 * What the steps share: the bounds, the guards, the bytes of the next state, and the invariants that it must satisfy.
 */
export class World {
  readonly bounds: RevocationBounds
  readonly guards: Guards
  readonly next: Uint8Array
  visit: Visit = () => {}
  readonly #fresh = new Map<number, boolean>()

  constructor(bounds: RevocationBounds, guards: Guards) {
    this.bounds = bounds
    this.guards = guards
    this.next = new Uint8Array(instanceAt(bounds.instances, bounds.transactions))
  }

  /** Where an instance begins. */
  at(place: number): number {
    return instanceAt(place, this.bounds.transactions)
  }

  /** The entries whose transactions have a status on the current server. */
  withStatus(state: Uint8Array, status: number): number {
    let set = 0
    for (let j = 0; j < this.bounds.transactions; j++) if (state[txAt(j) + tx.status] === status) set |= 1 << j
    return set
  }

  /** Passes the next state to the search, with the invariant that it breaks, if any. */
  emit(what: () => string, violation: string | null = null): void {
    const broken = violation ?? this.#broken()
    this.#forgetRead()
    renumber(this)
    sortInstances(this.next, this.bounds.transactions, this.bounds.instances)
    this.visit(this.next, what, broken)
  }

  /** Entries of the stream that every instance has read can be forgotten, whether they are replicated or not. */
  #forgetRead(): void {
    const { next, bounds } = this
    let pending = 0
    for (let i = 0; i < bounds.instances; i++) pending |= next[this.at(i) + instance.pending]!
    next[REPLICATED]! &= pending
  }

  /** The real Freshness of an instance, made from its bytes. */
  freshnessAt(state: Uint8Array, at: number) {
    const freshness = new this.guards.Freshness(this.bounds.stalenessTicks * TICK_MS)
    const isLater = state[at + instance.isJournalLater] === 1
    const age = state[at + instance.freshAge]!
    if (isLater) freshness.recordJournalRead(UNBROKEN_SINCE_MS)
    if (age !== NEVER) freshness.recordChannelRead(isLater ? UNBROKEN_SINCE_MS : -Infinity, NOW_MS - age * TICK_MS)
    return freshness
  }

  /** An instance has read the journal, in a read that began this many ticks ago. */
  recordJournalRead(at: number, begunAge: number): void {
    const { next } = this
    const freshness = this.freshnessAt(next, at)
    freshness.recordJournalRead(NOW_MS - begunAge * TICK_MS)
    next[at + instance.freshAge] = this.#ageOf(freshness)
    next[at + instance.isJournalLater] = next[at + instance.isBegunLater]!
  }

  /** An instance has read an answer that Redis gave this many ticks ago. */
  recordChannelRead(at: number, heardAge: number): void {
    const freshness = this.freshnessAt(this.next, at)
    freshness.recordChannelRead(UNBROKEN_SINCE_MS, NOW_MS - heardAge * TICK_MS)
    this.next[at + instance.freshAge] = this.#ageOf(freshness)
  }

  #ageOf(freshness: InstanceType<Guards['Freshness']>): number {
    const { stalenessTicks } = this.bounds
    if (!freshness.isLoaded) return NEVER
    for (let age = 0; age <= stalenessTicks; age++) {
      if (freshness.isFresh(NOW_MS + (stalenessTicks - age) * TICK_MS)) return age
    }
    return stalenessTicks + 1
  }

  #isFresh(at: number): boolean {
    const { next } = this
    const key = next[at + instance.freshAge]! * 2 + next[at + instance.isJournalLater]!
    let isFresh = this.#fresh.get(key)
    if (isFresh === undefined) {
      isFresh = this.freshnessAt(next, at).isFresh(NOW_MS)
      this.#fresh.set(key, isFresh)
    }
    return isFresh
  }

  #broken(): string | null {
    const { next, bounds } = this
    let overdue = 0
    for (let j = 0; j < bounds.transactions; j++) {
      const { [txAt(j) + tx.status]: status, [txAt(j) + tx.age]: age } = next
      if (status === COMMITTED && age! > bounds.stalenessTicks) overdue |= 1 << j
    }
    const there = this.withStatus(next, COMMITTED)
    for (let i = 0; i < bounds.instances; i++) {
      const at = this.at(i)
      const excused = this.guards.isUnpublishedExcused ? next[at + instance.excused]! : 0
      const accepted = overdue & ~refusedBy(next[at + instance.known]!) & ~excused
      if (accepted !== 0 && this.#isFresh(at)) return 'a token is accepted longer after its revocation than the bound'
      const isSettled = next[at + instance.isRepairDue] === 0 && next[at + instance.repairXid] === 0
      const isOfThisServer = next[at + instance.server] === next[SERVER]! + 1
      if (isSettled && isOfThisServer && next[at + instance.owes]! & ~refusedBy(there))
        return 'an entry that an instance found lost in a failover is not repaired'
    }
    return null
  }

  /** Undoes the transaction in which an instance repairs lost entries. */
  undoRepair(at: number): void {
    const { next } = this
    const xid = next[at + instance.repairXid]!
    if (xid === 0) return
    for (let j = 0; j < this.bounds.transactions; j++) {
      const from = txAt(j)
      if (next[from + tx.status] !== OPEN || next[from + tx.xid] !== xid) continue
      next[from + tx.status] = LOST
      next[from + tx.xid] = 0
    }
    next[at + instance.repairXid] = 0
    if (this.guards.isRepairTriedAgain) next[at + instance.isRepairDue] = 1
  }
}
