import {
  advanced,
  ageMs,
  connecting,
  disconnected,
  type FeedProgress,
} from '../../../packages/verifier/src/feed/feed-progress.js'
import { type Connection, type Follower, type Frame, HEARTBEAT, NONE, START } from './state.js'

/** The decisions of a follower, which tests replace one at a time. */
export const DECISIONS = { advanced, ageMs, connecting, disconnected }
export type Decisions = typeof DECISIONS

/** Longer than any tolerance between clocks. */
export const TICK_MS = 10_000
/** When the request was sent, by all clocks of the model, and where the sender's clock was then. */
const REQUESTED_MS = 1e9
const SENDER_MS = 5e6

/** The real progress of a follower, made from its bytes. `ticks` since the request, by each clock of its machine. */
function progressOf(follower: Follower, connection: Connection | undefined, now: Now): FeedProgress {
  const { monotonicAge, wallAge, eventId, eventServer, position, positionServer } = follower
  return {
    lastEventId: eventId === NONE ? undefined : `${eventServer}:${eventId}`,
    position: position === NONE ? undefined : `${positionServer}:${position}`,
    asOf:
      monotonicAge === NONE
        ? undefined
        : { monotonicMs: now.monotonicMs - monotonicAge * TICK_MS, wallMs: now.wallMs - wallAge * TICK_MS },
    connection: connection && {
      requestedAt: { monotonicMs: REQUESTED_MS, wallMs: REQUESTED_MS },
      senderStartMs: connection.isStarted ? SENDER_MS : undefined,
      isComplete: connection.isComplete === 1,
      isSenderAhead: false,
    },
  }
}

interface Now {
  monotonicMs: number
  wallMs: number
}

/** The follower receives a frame, with the real decision. */
export function receive(
  decisions: Decisions,
  follower: Follower,
  connection: Connection,
  frame: Frame,
  cap: number,
): void {
  if (frame.kind !== START && frame.kind !== HEARTBEAT) {
    follower.known |= frame.entries
    return
  }
  // The frame was sent when the sender was `sentTicks` after its start, which was `monotonic` ticks after the request.
  const sentTicks = 10
  const now = {
    monotonicMs: REQUESTED_MS + (connection.monotonic + sentTicks) * TICK_MS,
    wallMs: REQUESTED_MS + (connection.wall + sentTicks) * TICK_MS,
  }
  const step =
    frame.kind === START
      ? ({ type: 'start', nowMs: SENDER_MS } as const)
      : ({
          type: 'heartbeat',
          asOfMs: SENDER_MS + (sentTicks - frame.age) * TICK_MS,
          id: frame.id === NONE ? undefined : `${frame.server}:${frame.id}`,
          position: frame.id === NONE ? undefined : `${frame.server}:${frame.id}`,
        } as const)
  take(follower, connection, decisions.advanced(progressOf(follower, connection, now), step, now), now, cap)
}

/** The follower sends a request, or loses its connection. */
export function change(
  decisions: Decisions,
  kind: 'connecting' | 'disconnected',
  follower: Follower,
  connection: Connection,
  cap: number,
): void {
  const now = { monotonicMs: REQUESTED_MS, wallMs: REQUESTED_MS }
  const before = progressOf(follower, kind === 'connecting' ? undefined : connection, now)
  const after = kind === 'connecting' ? decisions.connecting(before, now) : decisions.disconnected(before)
  take(follower, connection, after, now, cap)
}

function take(follower: Follower, connection: Connection, progress: FeedProgress, now: Now, cap: number): void {
  const age = (nowMs: number, asOfMs: number) => Math.min(cap, Math.round((nowMs - asOfMs) / TICK_MS))
  if (progress.asOf) {
    follower.monotonicAge = age(now.monotonicMs, progress.asOf.monotonicMs)
    follower.wallAge = age(now.wallMs, progress.asOf.wallMs)
  }
  ;[follower.eventServer, follower.eventId] = split(progress.lastEventId)
  ;[follower.positionServer, follower.position] = split(progress.position)
  connection.isStarted = progress.connection?.senderStartMs === undefined ? 0 : 1
  connection.isComplete = progress.connection?.isComplete ? 1 : 0
}

function split(position: string | undefined): [number, number] {
  if (position === undefined) return [0, NONE]
  const [server, set] = position.split(':').map(Number)
  return [server!, set!]
}

/** Whether the follower accepts tokens that it does not know to be revoked. */
export function isFresh(decisions: Decisions, follower: Follower, stalenessTicks: number): boolean {
  const progress = progressOf(follower, undefined, { monotonicMs: REQUESTED_MS, wallMs: REQUESTED_MS })
  return decisions.ageMs(progress, REQUESTED_MS, REQUESTED_MS) <= stalenessTicks * TICK_MS
}
