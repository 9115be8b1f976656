import { LatchkeyError } from '../../lib/errors.js'
import { deliveryAttempts } from '../../lib/measurements.js'
import type { AuthContext } from '../context.js'
import { contentsOf, eventIdOf, eventTokensOf, reasonOfPart, type SigningContext, settledPart } from './event-tokens.js'
import { findStream, type StreamReceiver, settingsOf, statusOf } from './stream.js'
import { restartInactivity } from './streams.js'

export interface PollRequest {
  /** Of the tokens that the receiver has. */
  acknowledged: readonly string[]
  /** By `jti`, what is wrong with the tokens that it does not accept. */
  refused: ReadonlyMap<string, string>
  /** By default as many as are allowed. */
  maxTokens?: number | undefined
  /** False waits until something is there. */
  returnImmediately: boolean
  /** Ends the wait early. */
  signal: AbortSignal
}

export interface PollAnswer {
  /** By `jti`. */
  tokens: Map<string, string>
  hasMore: boolean
}

/** Each one is signed, which takes a millisecond with RS256. */
export const MOST_TOKENS = 100
/** Shorter than the time after which a silent connection is closed. */
export const LONGEST_WAIT_MS = 20_000

/**
 * Answers a receiver that fetches its events (RFC 8936): removes what it has acknowledged or refused, and returns the next
 * tokens. What is not acknowledged is returned again.
 *
 * @throws LatchkeyError stream_not_found, also for a stream that is not polled
 */
export async function pollStream(
  context: SigningContext & Pick<AuthContext, 'db' | 'log' | 'polls'>,
  clientId: string,
  streamId: string,
  { acknowledged, refused, maxTokens = MOST_TOKENS, returnImmediately, signal }: PollRequest,
): Promise<PollAnswer> {
  const { db, polls } = context
  const waitUntil = performance.now() + LONGEST_WAIT_MS
  const find = async () => {
    const stream = await findStream(db, clientId, streamId)
    if (settingsOf(stream).method !== 'poll') throw new LatchkeyError('stream_not_found')
    return stream
  }
  let stream = await find()
  await settle(context, stream, acknowledged, refused)
  await restartInactivity(db, stream)
  const limit = Math.min(maxTokens, MOST_TOKENS)
  if (limit === 0) return { tokens: new Map(), hasMore: false }
  for (;;) {
    const answer = await nextTokens(context, stream, limit)
    const remainingMs = waitUntil - performance.now()
    if (answer.tokens.size > 0 || returnImmediately || remainingMs <= 0 || signal.aborted) return answer
    if (!(await polls.wait(stream.id, remainingMs, signal))) return answer
    // It may be paused since.
    stream = await find()
  }
}

async function nextTokens(
  context: SigningContext & Pick<AuthContext, 'db'>,
  stream: StreamReceiver,
  limit: number,
): Promise<PollAnswer> {
  const { deliveries } = context.db
  const { status } = statusOf(stream)
  const tokens = new Map<string, string>()
  if (status === 'paused') return { tokens, hasMore: false }
  for (;;) {
    const found = await deliveries.waiting(stream.id, limit + 1)
    for (const delivery of found) {
      // Of a disabled stream, only the message that it was disabled is left.
      if (status === 'disabled' && delivery.message === null) continue
      const next = eventTokensOf(context, stream, delivery)
      if (next.length === 0) await deliveries.complete([delivery.id])
      for (const { jti, token } of next) {
        if (tokens.size === limit) return { tokens, hasMore: true }
        tokens.set(jti, token)
      }
    }
    if (tokens.size > 0 || found.length <= limit || status === 'disabled') return { tokens, hasMore: false }
  }
}

/** Removes what the receiver has, and gives up what it does not accept. */
async function settle(
  context: SigningContext & Pick<AuthContext, 'db' | 'log'>,
  stream: StreamReceiver,
  acknowledged: readonly string[],
  refused: ReadonlyMap<string, string>,
): Promise<void> {
  const jtis = new Set([...acknowledged, ...refused.keys()])
  const eventIds = new Set([...jtis].map(eventIdOf).filter(id => id !== undefined))
  if (eventIds.size === 0) return
  const { deliveries } = context.db
  for (const delivery of await deliveries.ofEvents(stream.id, [...eventIds])) {
    const expected = contentsOf(context, stream, delivery).map(({ jti }) => jti)
    // Only what it was sent: names that a receiver makes up would be stored without end.
    const named = expected.filter(jti => jtis.has(jti))
    if (expected.length > 0 && named.length === 0) continue
    const parts = named.map(jti => settledPart(jti, refused.get(jti)))
    const settled = [...(delivery.acknowledged ?? []), ...parts]
    // Also those of earlier polls: the event is given up if any part of it was refused.
    const reasons = settled.map(reasonOfPart).filter(reason => reason !== undefined)
    if (named.length < expected.length) await deliveries.acknowledge(delivery.id, settled)
    else if (reasons.length > 0) await deliveries.abandon(delivery.id, `the receiver refused it: ${reasons.join('; ')}`)
    else await deliveries.complete([delivery.id])
    deliveryAttempts.report({ kind: 'stream', outcome: parts.some(reasonOfPart) ? 'failed' : 'delivered' })
  }
}
