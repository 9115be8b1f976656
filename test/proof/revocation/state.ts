/**
 * The layout of the bytes of a state: first the stores, then each transaction, then each instance. A set of entries is
 * a number with a bit for each.
 */
export const SERVER = 0
/** The id that the next transaction gets. */
export const NEXT_XID = 1
/** The entries of the stream that the replica of Redis has, as far as an instance has not read them yet. */
export const REPLICATED = 2
const TRANSACTIONS = 3

export const tx = {
  status: 0,
  /** Also the order of the rows in the table. */
  xid: 1,
  /** The place of its commit among those of the server, from 1. */
  order: 2,
  /** Ticks since the commit, up to one more than the bound. */
  age: 3,
  bytes: 4,
} as const

/** How many rows one transaction can write. A row is the id of its transaction times this, plus its entry. */
export const ROWS_PER_XID = 4

export const NOT_BEGUN = 0
export const OPEN = 1
export const COMMITTED = 2
export const ROLLED_BACK = 3
/** Committed, and not known to the server that took over. */
export const LOST = 4

export const instance = {
  /** The entries in its list. */
  known: 0,
  /** Where the last read ended: one more than the server (0: nothing was read), and the transaction id. */
  server: 1,
  xid: 2,
  /** Ticks since its list was complete, or NEVER. */
  freshAge: 3,
  /** Whether the journal was read since the connection to Redis is unbroken. */
  isJournalLater: 4,
  /** The connection to Redis. */
  link: 5,
  /** The entries of the stream that it has not read yet. */
  pending: 6,
  /** The unpublished entries while its connection to Redis was unbroken: see the assumption in model.ts. */
  excused: 7,
  /** An answer of Redis on its way: whether there is one, its entries, and the ticks since Redis gave it. */
  hasAnswer: 8,
  answer: 9,
  answerAge: 10,
  /** A read of the journal in progress. */
  phase: 11,
  isOther: 12,
  begunAge: 13,
  isBegunLater: 14,
  /** The entries that were committed when it began. */
  mustSee: 15,
  /** The entries that its statements have found so far, and the position that the first one read. */
  found: 16,
  pageServer: 17,
  pageXid: 18,
  isStandby: 19,
  /** The row after which the next statement goes on, plus one. */
  lastRow: 20,
  /** The entries that it found lost at another server, and that must be repaired. */
  owes: 21,
  isRepairDue: 22,
  /** The transaction in which it repairs lost entries. */
  repairXid: 23,
  bytes: 24,
} as const

export const NEVER = 255

/** It has not connected since it was started. */
export const NEW = 0
export const DOWN = 1
export const UP = 2
/** Broken, while an answer is still on its way. */
export const CUT = 3

export const IDLE = 0
export const ASKED = 1
export const ANSWERED = 2

/** Where a transaction begins. */
export function txAt(place: number): number {
  return TRANSACTIONS + place * tx.bytes
}

/** Where an instance begins. */
export function instanceAt(place: number, transactions: number): number {
  return txAt(transactions) + place * instance.bytes
}

/** Sorts the instances: they are alike, so states that differ only in their order are one. */
export function sortInstances(state: Uint8Array, transactions: number, instances: number): void {
  if (instances < 2) return
  const parts = Array.from({ length: instances }, (_, place) => {
    const from = instanceAt(place, transactions)
    return state.slice(from, from + instance.bytes)
  })
  parts.sort(compare)
  for (const [place, part] of parts.entries()) state.set(part, instanceAt(place, transactions))
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}
