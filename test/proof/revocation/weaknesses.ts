import { JournalFreshness } from '../../../src/revocations/freshness.js'
import { nextRead } from '../../../src/revocations/journal-follower.js'
import { GUARDS, type Guards } from './guards.js'
import type { RevocationBounds } from './world.js'

export interface Weakness {
  /** What is wrong with the service, for the title of a test. */
  readonly name: string
  readonly guards: Partial<Guards>
  readonly bounds: RevocationBounds
}

const journal: RevocationBounds = {
  transactions: 2,
  instances: 1,
  failovers: 0,
  stalenessTicks: 1,
  pageSize: 1,
  standby: false,
  redis: false,
}
const failover: RevocationBounds = { ...journal, failovers: 1 }
const elsewhere: RevocationBounds = { ...failover, standby: true }
const stream: RevocationBounds = { ...journal, transactions: 1, redis: true }

class NeverStale extends JournalFreshness {
  override isFresh(): boolean {
    return this.isLoaded
  }
}

class FreshBeforeLoaded extends JournalFreshness {
  override isFresh(nowMs: number): boolean {
    return !this.isLoaded || super.isFresh(nowMs)
  }
}

class NewsWithoutJournal extends JournalFreshness {
  override recordChannelRead(_unbrokenSinceMs: number, asOfMs: number): void {
    super.recordChannelRead(Number.NEGATIVE_INFINITY, asOfMs)
  }
}

/** Each lacks one guard. They test the search, which must find each of them. */
export const WEAKNESSES: readonly Weakness[] = [
  {
    name: 'the cursor follows the highest entry that was read',
    guards: { cursor: (_oldestOpen, afterHighestFound) => afterHighestFound },
    bounds: journal,
  },
  {
    name: 'a page has the position of its last statement',
    guards: { isFirstPositionKept: false },
    bounds: journal,
  },
  {
    name: 'a position is stored before its entries',
    guards: { isPositionKeptWithEntries: false },
    bounds: journal,
  },
  { name: 'a list is never stale', guards: { Freshness: NeverStale }, bounds: journal },
  { name: 'a list is fresh before it was loaded', guards: { Freshness: FreshBeforeLoaded }, bounds: journal },
  { name: 'the age of a page counts from its arrival', guards: { isPageAsOldAsQuestion: false }, bounds: journal },
  {
    name: 'the server after a failover is taken for the same one',
    guards: {
      nextRead: (read, page) => nextRead(read, { ...page, position: { ...page.position, ...serverOf(read) } }),
    },
    bounds: failover,
  },
  { name: 'no lost entries are searched for after a failover', guards: { isLossLookedFor: false }, bounds: failover },
  { name: 'a repair is tried only once', guards: { isRepairTriedAgain: false }, bounds: failover },
  {
    name: 'a page of a standby is accepted',
    guards: { nextRead: (read, page) => nextRead(read, { ...page, isStandby: false }) },
    bounds: elsewhere,
  },
  {
    name: 'a page of a standby is accepted after a failover',
    guards: { nextRead: (read, page) => (read.isOtherServer ? undefined : GUARDS.nextRead(read, page)) },
    bounds: elsewhere,
  },
  {
    name: 'a page is accepted whose statements were answered by two servers',
    guards: { isEachStatementChecked: false },
    bounds: elsewhere,
  },
  { name: 'news count before the journal was read', guards: { Freshness: NewsWithoutJournal }, bounds: stream },
  { name: 'an interruption of the stream is not noticed', guards: { isInterruptionNoticed: false }, bounds: stream },
  { name: 'the age of news counts from their arrival', guards: { isNewsAsOldAsAnswer: false }, bounds: stream },
]

/** What is not promised. The documentation must say so for as long as the search finds it. */
export const LIMIT: Weakness = {
  name: 'an entry that is never published, at an instance that cannot read the journal',
  guards: { isUnpublishedExcused: false },
  bounds: stream,
}

function serverOf({ from }: Parameters<typeof nextRead>[0]): { serverStart?: string } {
  return from ? { serverStart: from.serverStart } : {}
}
