import { type JournalPage, type JournalPosition, startRead } from '../../../src/revocations/journal-follower.js'
import { entriesOf, lostBy, refusedBy } from './entries.js'
import {
  ANSWERED,
  ASKED,
  COMMITTED,
  IDLE,
  instance,
  NEXT_XID,
  OPEN,
  ROWS_PER_XID,
  SERVER,
  tx,
  txAt,
  UP,
} from './state.js'
import type { World } from './world.js'

/** Added to the number of a server to mark a standby. */
const STANDBY = 128

// Pages of standbys are refused by an error, hundreds of thousands of times; no one reads the stacks.
Error.stackTraceLimit = 0

/**
 * An instance reads the journal: it asks, statements answer one after the other, and it takes the page; or it fails.
 */
export function journalSteps(world: World, state: Uint8Array, at: number): void {
  const { bounds, next } = world
  const phase = state[at + instance.phase]
  if (phase === IDLE) {
    next.set(state)
    next[at + instance.phase] = ASKED
    // The connection to Redis counts as unbroken until a break is noticed.
    next[at + instance.isBegunLater] = next[at + instance.link]! >= UP ? 1 : 0
    next[at + instance.mustSee] = world.withStatus(next, COMMITTED)
    world.emit(() => `an instance begins to read the journal ${questionOf(state, at)}`)
    return
  }
  next.set(state)
  endRead(next, at)
  world.emit(() => 'an instance fails to read the journal')
  if (phase === ASKED) {
    answer(world, state, at, false)
    if (bounds.standby) answer(world, state, at, true)
  }
  if (phase === ANSWERED) takePage(world, state, at)
}

function questionOf(state: Uint8Array, at: number): string {
  return state[at + instance.server] === 0 ? 'as a whole' : `from transaction ${state[at + instance.xid]} on`
}

/** One statement of a read, after those before it: as in db/journal.ts, another one follows a full page. */
function answer(world: World, state: Uint8Array, at: number, isStandby: boolean): void {
  const { bounds, guards, next } = world
  const server = state[SERVER]! + 1 + (isStandby ? STANDBY : 0)
  const isFirst = state[at + instance.lastRow] === 0
  next.set(state)
  if (!isFirst && guards.isEachStatementChecked && server !== state[at + instance.pageServer]) {
    endRead(next, at)
    world.emit(() => 'an instance gives up a read whose statements were answered by two servers')
    return
  }
  const isWhole = state[at + instance.isOther] === 1 || state[at + instance.server] === 0
  const from = isWhole ? 0 : state[at + instance.xid]!
  const rows = isStandby ? [] : rowsFrom(world, state, from, state[at + instance.lastRow]!)
  const read = rows.slice(0, bounds.pageSize)
  for (const row of read) next[at + instance.found]! |= 1 << row.entry
  if (isFirst || !guards.isFirstPositionKept) {
    const highest = read.at(-1)?.xid ?? state[at + instance.pageXid]! - 1
    next[at + instance.pageServer] = server
    next[at + instance.pageXid] = guards.cursor(oldestOpen(world, state), highest + 1)
    next[at + instance.isStandby] = isStandby ? 1 : 0
  }
  if (read.length < bounds.pageSize) {
    next[at + instance.phase] = ANSWERED
    next[at + instance.lastRow] = 0
    if (!guards.isPositionKeptWithEntries) keepPosition(next, at)
  } else next[at + instance.lastRow] = read.at(-1)!.row + 1
  world.emit(() => `${isStandby ? 'a standby' : 'Postgres'} answers with ${read.length} rows`)
}

/** pg_snapshot_xmin: the lower end of the statement's snapshot. */
function oldestOpen(world: World, state: Uint8Array): number {
  let oldest = state[NEXT_XID]!
  for (let j = 0; j < world.bounds.transactions; j++) {
    if (state[txAt(j) + tx.status] === OPEN) oldest = Math.min(oldest, state[txAt(j) + tx.xid]!)
  }
  return oldest
}

function rowsFrom(world: World, state: Uint8Array, xid: number, afterRow: number) {
  const rows: { entry: number; xid: number; row: number }[] = []
  for (let entry = 0; entry < world.bounds.transactions; entry++) {
    const of = state[txAt(entry) + tx.xid]!
    const row = of * ROWS_PER_XID + entry
    if (state[txAt(entry) + tx.status] === COMMITTED && of >= xid && row >= afterRow) rows.push({ entry, xid: of, row })
  }
  return rows.sort((a, b) => a.row - b.row)
}

function takePage(world: World, state: Uint8Array, at: number): void {
  const { next, guards } = world
  const position = positionOf(state[at + instance.server]!, state[at + instance.xid]!)
  // The real follower keeps the whole read in a closure; here it is made again from the bytes.
  const first = startRead(position, 0)
  const read = state[at + instance.isOther] === 1 ? { ...first, from: undefined, isOtherServer: true } : first
  const page: JournalPage = {
    entries: entriesOf(state[at + instance.found]!),
    places: [],
    snapshot: '',
    position: positionOf(state[at + instance.pageServer]!, state[at + instance.pageXid]!)!,
    isStandby: state[at + instance.isStandby] === 1,
  }
  next.set(state)
  let nextRead: ReturnType<typeof guards.nextRead>
  try {
    nextRead = guards.nextRead(read, page)
  } catch {
    endRead(next, at)
    world.emit(() => 'an instance refuses a page of a standby')
    return
  }
  if (nextRead) {
    for (const field of [instance.found, instance.pageServer, instance.pageXid, instance.isStandby])
      next[at + field] = 0
    next[at + instance.phase] = ASKED
    next[at + instance.isOther] = nextRead.isOtherServer ? 1 : 0
    world.emit(() => 'an instance sees that the server is another one')
    return
  }
  apply(world, state, at, read.isOtherServer)
}

function apply(world: World, state: Uint8Array, at: number, isOtherServer: boolean): void {
  const { next, guards } = world
  keepPosition(next, at)
  next[at + instance.known]! |= next[at + instance.found]!
  next[at + instance.excused]! &= ~next[at + instance.known]!
  world.recordJournalRead(at, guards.isPageAsOldAsQuestion ? next[at + instance.begunAge]! : 0)
  if (isOtherServer) {
    const owes = lostBy(next[at + instance.known]!, next[at + instance.found]!)
    next[at + instance.owes] = owes
    if (owes !== 0 && guards.isLossLookedFor) next[at + instance.isRepairDue] = 1
  }
  const missed = state[at + instance.mustSee]! & ~refusedBy(next[at + instance.known]!)
  endRead(next, at)
  world.emit(
    () => 'an instance takes the page',
    missed === 0 ? null : 'a read of the journal does not know what was committed before it began',
  )
}

function keepPosition(next: Uint8Array, at: number): void {
  next[at + instance.server] = next[at + instance.pageServer]!
  next[at + instance.xid] = next[at + instance.pageXid]!
}

/** No position if nothing was read of the server, which then has the number 0. */
function positionOf(server: number, xid: number): JournalPosition | undefined {
  return server === 0 ? undefined : { serverStart: `${server}`, xid: `${xid}` }
}

function endRead(next: Uint8Array, at: number): void {
  for (let field = instance.phase; field <= instance.lastRow; field++) next[at + field] = 0
}
