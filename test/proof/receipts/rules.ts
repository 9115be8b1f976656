/**
 * The rules that make receipts true (docs/adr/0021-receipts.md), each of which a test can leave out. They are statements
 * of src/postgres, and decisions of src/revocations.
 */
export const RULES = {
  /** The registry is read after the commit, not before. */
  isReadAfterCommit: true,
  /** A connection is registered before the journal is read for its list. */
  isRegisteredFirst: true,
  /** A lease that has ended is not renewed: the verifier must connect again. */
  isLapseNoticed: true,
  /** No news is sent beyond the lease. */
  isLeaseKept: true,
  /** After its connection ended, a verifier is live until its bound is over. */
  isLiveWhenCut: true,
  /** The end of a connection leaves the time of an earlier one that was open when it was registered. */
  isEarlierCounted: true,
  /** A lease covers the bound of the verifier too. */
  isBoundInLease: true,
  /** The end of a connection counts only for the row that has this connection. */
  isConnectionCompared: true,
  /** A verifier that connects again and leaves without a list is forgotten only if it had none before. */
  isEarlierListKnown: true,
  /** What is confirmed is what was applied: the position comes after its entries. */
  isPositionAfterEntries: true,
  /** A verifier that was not known has confirmed nothing. */
  isNewUnconfirmed: true,
  /** What was confirmed at another server does not count. */
  isServerCompared: true,
  /** A target of another server is taken again. */
  isTargetRenewed: true,
  /** After a failover, what was lost is written again before receipts are given. */
  isRepairedFirst: true,
  /** And all verifiers that are connected are registered again. */
  isRegisteredAgain: true,
  /** And those whose connections have ended, as long as they may accept tokens. */
  isReleasedRemembered: true,
  /** Also if the connection ended after the failover: what counts is which server has its row. */
  isServerOfReleasedKept: true,
  /** Also if the verifier has moved to another instance. */
  isSupersededRemembered: true,
  /** Whether all of this is done is asked before the registry is read, not after. */
  isSettledBeforeRead: true,
}

export type Rules = typeof RULES

/** Without these, only a failover has a consequence. */
export const RULES_OF_FAILOVERS: ReadonlySet<keyof Rules> = new Set<keyof Rules>([
  'isEarlierListKnown',
  'isNewUnconfirmed',
  'isServerCompared',
  'isTargetRenewed',
  'isRepairedFirst',
  'isRegisteredAgain',
  'isReleasedRemembered',
  'isServerOfReleasedKept',
  'isSupersededRemembered',
  'isSettledBeforeRead',
])
