import { instance, NEXT_XID, ROWS_PER_XID, tx, txAt } from './state.js'
import type { World } from './world.js'

/** The new number of each id; 0 is none. */
const numbers = new Uint8Array(64)
const PLACES = [instance.xid, instance.pageXid, instance.repairXid]

/**
 * Gives transaction ids the lowest numbers that keep their order. Only their order matters, and unused ids would make
 * the number of states infinite: a repair may be repeated for ever.
 */
export function renumber(world: World): void {
  const { next, bounds } = world
  numbers.fill(0)
  numbers[next[NEXT_XID]!] = 1
  for (let j = 0; j < bounds.transactions; j++) numbers[next[txAt(j) + tx.xid]!] = 1
  for (let i = 0; i < bounds.instances; i++) {
    const at = world.at(i)
    for (const place of PLACES) numbers[next[at + place]!] = 1
    numbers[xidOf(next[at + instance.lastRow]!)] = 1
  }
  numbers[0] = 0
  let count = 0
  for (let xid = 1; xid < numbers.length; xid++) if (numbers[xid] === 1) numbers[xid] = ++count

  next[NEXT_XID] = numbers[next[NEXT_XID]!]!
  for (let j = 0; j < bounds.transactions; j++) next[txAt(j) + tx.xid] = numbers[next[txAt(j) + tx.xid]!]!
  for (let i = 0; i < bounds.instances; i++) {
    const at = world.at(i)
    for (const place of PLACES) next[at + place] = numbers[next[at + place]!]!
    const lastRow = next[at + instance.lastRow]!
    if (lastRow > 0) {
      const entry = (lastRow - 1) % ROWS_PER_XID
      next[at + instance.lastRow] = numbers[xidOf(lastRow)]! * ROWS_PER_XID + entry + 1
    }
  }
}

/** @param lastRow - one more than a row, or 0 */
function xidOf(lastRow: number): number {
  return lastRow === 0 ? 0 : Math.floor((lastRow - 1) / ROWS_PER_XID)
}
