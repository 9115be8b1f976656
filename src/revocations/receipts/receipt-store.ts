/** What receipts read about the verifiers of all instances. Snapshots are texts as Postgres writes a `pg_snapshot`. */
export interface ReceiptStore {
  /**
   * Whether every live verifier has applied all entries of the journal that a snapshot sees: first for the present
   * snapshot of the server, then for each given one, at most {@link MOST_TARGETS}. All must be of the same server.
   */
  readTargets(snapshots: readonly string[]): Promise<TargetState[]>
  /** The live verifiers that have not confirmed all entries that a snapshot sees. */
  findLagging(snapshot: string, limit: number): Promise<LaggingVerifiers>
}

export const MOST_TARGETS = 8

export interface TargetState {
  /** The server that answered; see JournalPosition. */
  serverStart: string
  isStandby: boolean
  snapshot: string
  isComplete: boolean
}

export interface LaggingVerifiers {
  serverStart: string
  /** Above the limit, not all of them are listed. */
  total: number
  verifiers: LaggingVerifier[]
}

export interface LaggingVerifier {
  /** The id that its process chose. */
  id: string
  name: string
  /** Null if the client was removed. */
  clientId: string | null
  clientName: string | null
  /** Whether it has confirmed nothing yet, on this server. */
  isStarting: boolean
  /** Its connection is open, and its instance has renewed its lease within the last seconds. */
  isConnected: boolean
  connectedAt: Date
  disconnectedAt: Date | null
  /** When it last confirmed a position. */
  confirmedAt: Date | null
  /** From then on it refuses every token, unless it is connected again before. */
  liveUntil: Date
}
