/**
 * What a follower knows about the feed, and every decision about it, as functions without timers or connections: so
 * tests can try every order of events.
 */
export interface FeedProgress {
  /** Where the next connection continues. Undefined until a snapshot was complete. */
  readonly lastEventId: string | undefined
  /** What a report confirms: everything up to this position is in the list. */
  readonly position: string | undefined
  /** Everything that was committed before this instant is in the list; undefined until a snapshot was complete. */
  readonly asOf: Instant | undefined
  /** Undefined while there is no connection. */
  readonly connection: FeedConnection | undefined
}

/**
 * An instant by both clocks of this machine, because each can fail: the monotonic one stops while the machine sleeps or
 * is moved to another host, and the other one can be set. The clock by which more time has passed is believed.
 */
export interface Instant {
  readonly monotonicMs: number
  /** Milliseconds since the epoch. */
  readonly wallMs: number
}

export interface FeedConnection {
  readonly requestedAt: Instant
  /** The sender's monotonic clock after it had received the request; undefined until the event `start`. */
  readonly senderStartMs: number | undefined
  /** Whether the snapshot, or the part that was missed, has been received. */
  readonly isComplete: boolean
  /** Whether more time has passed for the sender than here. */
  readonly isSenderAhead: boolean
}

/** The events that change the progress. */
export type FeedStep =
  | { readonly type: 'start'; readonly nowMs: number }
  | {
      readonly type: 'heartbeat'
      readonly asOfMs: number
      readonly id: string | undefined
      readonly position: string | undefined
    }

export const NO_PROGRESS: FeedProgress = {
  lastEventId: undefined,
  position: undefined,
  asOf: undefined,
  connection: undefined,
}

/** The request is sent now. */
export function connecting(progress: FeedProgress, requestedAt: Instant): FeedProgress {
  return {
    ...progress,
    connection: { requestedAt, senderStartMs: undefined, isComplete: false, isSenderAhead: false },
  }
}

/** The connection has ended. What was received stays: a snapshot only adds, so a part of one is right too. */
export function disconnected(progress: FeedProgress): FeedProgress {
  return { ...progress, connection: undefined }
}

/** By how much the clocks can differ before a connection is not believed. */
const TOLERANCE_MS = 2000

/**
 * The progress after an event. All entries that were received before it are in the list.
 *
 * The sender says up to which instant it has sent everything. How long that was after the request had arrived there is
 * known from the sender's clock alone, and the request was sent before it arrived. So the instant that is computed here
 * is never later than the true one, whatever the delays on the way.
 */
export function advanced(progress: FeedProgress, step: FeedStep, receivedAt: Instant): FeedProgress {
  const { connection } = progress
  if (!connection) return progress
  if (step.type === 'start') {
    if (connection.senderStartMs !== undefined) return progress
    return { ...progress, connection: { ...connection, senderStartMs: step.nowMs } }
  }
  const { requestedAt, senderStartMs } = connection
  const isComplete = connection.isComplete || step.id !== undefined
  // Heartbeats during a snapshot say nothing about the entries that are still to come.
  if (senderStartMs === undefined || !isComplete) return progress
  const sinceRequestMs = step.asOfMs - senderStartMs
  const monotonicMs = requestedAt.monotonicMs + sinceRequestMs
  const asOf = {
    monotonicMs: Math.min(monotonicMs, receivedAt.monotonicMs),
    wallMs: Math.min(requestedAt.wallMs + sinceRequestMs, receivedAt.wallMs),
  }
  const isNews = progress.asOf === undefined || asOf.monotonicMs >= progress.asOf.monotonicMs
  const isSenderAhead = connection.isSenderAhead || monotonicMs > receivedAt.monotonicMs + TOLERANCE_MS
  return {
    lastEventId: step.id ?? progress.lastEventId,
    position: step.position ?? progress.position,
    asOf: isNews ? asOf : progress.asOf,
    connection: { ...connection, isComplete, isSenderAhead },
  }
}

/** How old the list is, in milliseconds; infinity if it was never complete. */
export function ageMs({ asOf }: FeedProgress, monotonicMs: number, wallMs: number): number {
  return asOf === undefined ? Number.POSITIVE_INFINITY : Math.max(monotonicMs - asOf.monotonicMs, wallMs - asOf.wallMs)
}

/**
 * Whether the clocks have parted since the request was sent: this machine slept, or its clock was set. Then only a new
 * request gives instants that can be compared.
 */
export function mustReconnect({ connection }: FeedProgress, now: Instant): boolean {
  if (!connection) return false
  const { requestedAt, isSenderAhead } = connection
  const parted = now.wallMs - requestedAt.wallMs - (now.monotonicMs - requestedAt.monotonicMs)
  return isSenderAhead || Math.abs(parted) > TOLERANCE_MS
}
