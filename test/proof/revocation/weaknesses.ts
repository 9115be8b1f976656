import { Freshness } from '../../../src/revocations/freshness.js'
import { followUp } from '../../../src/revocations/journal-follower.js'
import { GUARDS, type Guards } from './guards.js'
import type { RevocationBounds } from './world.js'

export interface Weakness {
  /** What is wrong with the service, as the rest of "… is found". */
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

class NeverStale extends Freshness {
  override isFresh(): boolean {
    return this.isLoaded
  }
}

class FreshBeforeLoaded extends Freshness {
  override isFresh(nowMs: number): boolean {
    return !this.isLoaded || super.isFresh(nowMs)
  }
}

class NewsWithoutJournal extends Freshness {
  override newsWasHeard(_unbrokenSinceMs: number, asOfMs: number): void {
    super.newsWasHeard(Number.NEGATIVE_INFINITY, asOfMs)
  }
}

/** One guard fewer each. They are the test of the search: each must be found. */
export const WEAKNESSES: readonly Weakness[] = [
  {
    name: 'a cursor behind the highest entry that was read',
    guards: { cursor: (_oldestOpen, afterHighestFound) => afterHighestFound },
    bounds: journal,
  },
  {
    name: 'a page with the position of its last statement',
    guards: { isFirstPositionKept: false },
    bounds: journal,
  },
  {
    name: 'a position that is kept before its entries are',
    guards: { isPositionKeptWithEntries: false },
    bounds: journal,
  },
  { name: 'a list that is never stale', guards: { Freshness: NeverStale }, bounds: journal },
  { name: 'a list that is fresh before it was loaded', guards: { Freshness: FreshBeforeLoaded }, bounds: journal },
  { name: 'a page that is as old as its arrival', guards: { isPageAsOldAsQuestion: false }, bounds: journal },
  {
    name: 'a failover that is taken for the same server',
    guards: {
      followUp: (read, page) => followUp(read, { ...page, position: { ...page.position, ...serverOf(read) } }),
    },
    bounds: failover,
  },
  { name: 'a failover after which nothing is looked for', guards: { isLossLookedFor: false }, bounds: failover },
  { name: 'a repair that is tried once', guards: { isRepairTriedAgain: false }, bounds: failover },
  {
    name: 'a standby that is believed',
    guards: { followUp: (read, page) => followUp(read, { ...page, isStandby: false }) },
    bounds: elsewhere,
  },
  {
    name: 'a standby that is believed after a failover',
    guards: { followUp: (read, page) => (read.isOfOtherServer ? undefined : GUARDS.followUp(read, page)) },
    bounds: elsewhere,
  },
  {
    name: 'a page whose statements were answered by two servers',
    guards: { isEachStatementChecked: false },
    bounds: elsewhere,
  },
  { name: 'news that count before the journal was read', guards: { Freshness: NewsWithoutJournal }, bounds: stream },
  { name: 'an interruption that goes unnoticed', guards: { isInterruptionNoticed: false }, bounds: stream },
  { name: 'news that are as old as their arrival', guards: { isNewsAsOldAsAnswer: false }, bounds: stream },
]

/** What is not promised, and must stay in the documentation for as long as it is found. */
export const LIMIT: Weakness = {
  name: 'an entry that is never published, at an instance that cannot read the journal',
  guards: { isUnpublishedExcused: false },
  bounds: stream,
}

function serverOf({ from }: Parameters<typeof followUp>[0]): { serverStart?: string } {
  return from ? { serverStart: from.serverStart } : {}
}
