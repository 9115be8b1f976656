import { JournalFreshness } from '../../../src/revocations/freshness.js'
import { type JournalPage, type JournalRead, nextRead } from '../../../src/revocations/journal-follower.js'

/**
 * The guards that the search proves, each in one place so that a test can weaken one at a time. Those of src are the
 * real functions; the others model a statement, a script or a loop with timers, which cannot be called here.
 */
export interface Guards {
  /** What to do with a page: src. */
  readonly nextRead: (read: JournalRead, page: JournalPage) => JournalRead | undefined
  /** For how long tokens may be verified: src. */
  readonly Freshness: new (
    maxStalenessMs: number,
  ) => JournalFreshness
  /** Where the next read begins: at the oldest open transaction. The statement in src/postgres/journal.ts. */
  cursor(oldestOpenXid: number, afterHighestFound: number): number
  /** A page of many statements has the position of the first of them. src/postgres/journal.ts. */
  readonly isFirstPositionKept: boolean
  /** Every statement of a page must come from the server of the first, and from no standby. src/postgres/journal.ts. */
  readonly isEachStatementChecked: boolean
  /** A position is stored together with its entries. JournalFollower. */
  readonly isPositionKeptWithEntries: boolean
  /** The age of a page counts from its question. JournalFollower. */
  readonly isPageAsOldAsQuestion: boolean
  /** What is heard is as old as when Redis said it. revocation-stream.ts. */
  readonly isNewsAsOldAsAnswer: boolean
  /** After an interruption the journal must be read before news count again. revocation-stream.ts. */
  readonly isInterruptionNoticed: boolean
  /** Another server is searched for entries that it lost. Revocations. */
  readonly isLossLookedFor: boolean
  /** The repair of lost entries is repeated until it succeeds. Revocations. */
  readonly isRepairTriedAgain: boolean
  /** Not a guard: see the assumption in model.ts. Without it the search shows what is not promised. */
  readonly isUnpublishedExcused: boolean
}

export const GUARDS: Guards = {
  nextRead,
  Freshness: JournalFreshness,
  cursor: oldestOpenXid => oldestOpenXid,
  isFirstPositionKept: true,
  isEachStatementChecked: true,
  isPositionKeptWithEntries: true,
  isPageAsOldAsQuestion: true,
  isNewsAsOldAsAnswer: true,
  isInterruptionNoticed: true,
  isLossLookedFor: true,
  isRepairTriedAgain: true,
  isUnpublishedExcused: true,
}
