import { LatchkeyError } from '../../lib/errors.js'
import { newId } from '../../lib/ids.js'
import type { EventReceiver } from '../../postgres/event-receivers.js'
import type { AuthContext } from '../context.js'
import { DISABLE_SECONDS } from '../deliveries/back-off.js'
import { dropDeliveries } from '../deliveries/drop-deliveries.js'
import { messageToken, type StreamMessage } from './event-tokens.js'
import { findStream, isHeld, type StreamReceiver, type StreamStatus, settingsOf } from './stream.js'
import { pushToken, type StreamSenderOptions } from './stream-sender.js'
import { detailsOf, restartInactivity, sendNow } from './streams.js'

type Context = Pick<AuthContext, 'db' | 'dispatcher' | 'polls'>

/**
 * Changes the status of a stream for its receiver (SSF 1.0, 8.1.2). A paused stream gets later what happens until then; for
 * a disabled one nothing is kept.
 *
 * @throws LatchkeyError stream_not_found
 */
export async function setStreamStatus(
  context: Context,
  clientId: string,
  id: string,
  { status, reason = '' }: { status: StreamStatus; reason?: string | undefined },
): Promise<StreamReceiver> {
  const { db } = context
  const { disabledAt, id: streamId } = await findStream(db, clientId, id)
  // A transaction that began before it was disabled can have queued something since.
  if (disabledAt && status !== 'disabled') await dropDeliveries({ db }, streamId)
  const changed = await db.transaction(async repositories => {
    const stream = await findStream(repositories, clientId, id, { forChange: true })
    const { eventReceivers, securityEvents } = repositories
    if (status === 'disabled') await eventReceivers.disable(streamId, reason)
    else {
      const settings = { ...settingsOf(stream), isPaused: status === 'paused', reason: reason || undefined }
      await eventReceivers.change(streamId, { settings: { ...settings }, isHeld: isHeld(settings) })
      await eventReceivers.enable(streamId)
      await sendNow(repositories, stream)
    }
    await restartInactivity(repositories, stream)
    const details = { ...detailsOf(stream), status }
    await securityEvents.add({ type: 'stream_changed', actor: clientId, details })
    return findStream(repositories, clientId, id)
  })
  if (status === 'disabled') await dropDeliveries({ db }, streamId)
  context.dispatcher?.wake()
  context.polls.wake()
  return changed
}

/** A receiver can ask for a verification this often. */
export const MIN_VERIFICATION_INTERVAL_SECONDS = 10

/**
 * Queues a verification, which shows the receiver that the stream works (SSF 1.0, 8.1.4). A disabled stream gets none.
 * What waits is tried again at once: the receiver asks when it works again. It replaces an earlier verification that
 * waits: otherwise those of a paused stream would be kept without end.
 *
 * @param state is sent back with it
 * @throws LatchkeyError stream_not_found, rate_limited
 */
export async function requestVerification(
  context: Context & Pick<AuthContext, 'clock'>,
  clientId: string,
  id: string,
  state: string | undefined,
): Promise<void> {
  const now = context.clock()
  await context.db.transaction(async repositories => {
    const stream = await findStream(repositories, clientId, id, { forChange: true })
    const settings = settingsOf(stream)
    const waitMs = (settings.verifiedAt ?? 0) + MIN_VERIFICATION_INTERVAL_SECONDS * 1000 - now
    if (waitMs > 0)
      throw new LatchkeyError('rate_limited', {
        detail: `At most one verification of a stream in ${MIN_VERIFICATION_INTERVAL_SECONDS} seconds.`,
        retryAfterSeconds: Math.ceil(waitMs / 1000),
        concerns: { clientId },
      })
    const verificationId = newId()
    const changed = { ...settings, verifiedAt: now, verificationId }
    await repositories.eventReceivers.change(stream.id, { settings: changed })
    await sendNow(repositories, stream)
    await restartInactivity(repositories, stream)
    if (stream.disabledAt) return
    const { deliveries } = repositories
    const earlier = settings.verificationId ? await deliveries.ofEvents(stream.id, [settings.verificationId]) : []
    if (earlier.length > 0) await deliveries.complete(earlier.map(({ id }) => id))
    const message: StreamMessage = { type: 'verification', ...(state !== undefined && { state }) }
    await deliveries.addMessage(stream.id, verificationId, message)
  })
  context.dispatcher?.wake()
  context.polls.wake()
}

/** A stream that is polled, and was not for so long, is disabled. */
export const INACTIVITY_TIMEOUT_SECONDS = DISABLE_SECONDS

/**
 * Disables a stream because its receiver does not accept or fetch anything, and tells it so as well as it can (SSF 1.0,
 * 8.1.5). What waited is dropped.
 *
 * @param reason for operators and the receiver
 * @param signal ends the attempt to tell the receiver
 */
export async function disableStream(
  context: Pick<AuthContext, 'db' | 'log'> & StreamSenderOptions,
  receiver: EventReceiver,
  reason: string,
  signal?: AbortSignal,
): Promise<void> {
  const { db, log } = context
  const stream = receiver as StreamReceiver
  const isNew = await db.transaction(async ({ eventReceivers, securityEvents }) => {
    if (!(await eventReceivers.disable(stream.id, reason))) return false
    const details = { ...detailsOf(stream), reason }
    await securityEvents.add({ type: 'stream_disabled', actor: 'system', details })
    return true
  })
  if (!isNew) return
  log.warn(`The stream ${stream.id} is disabled: ${reason}`)
  await dropDeliveries({ db }, stream.id)
  const id = newId()
  const message: StreamMessage = { type: 'stream-updated', status: 'disabled', reason }
  if (settingsOf(stream).method === 'poll') await db.deliveries.addMessage(stream.id, id, message)
  else await pushToken(context, stream, messageToken(context, stream, id, message), signal)
}

/** Disables the streams that nobody polls: what waits for them would grow without end. */
export async function disableUnusedStreams(
  context: Pick<AuthContext, 'db' | 'log'> & StreamSenderOptions,
): Promise<void> {
  for (const stream of await context.db.eventReceivers.unused('stream', INACTIVITY_TIMEOUT_SECONDS))
    await disableStream(context, stream, `it was not polled for ${INACTIVITY_TIMEOUT_SECONDS / 86_400} days`)
}
