import type { Delivery } from '../../postgres/deliveries.js'

import type { EventReceiver } from '../../postgres/event-receivers.js'
import type { SecurityEvent } from '../../postgres/security-events.js'

/** How an attempt ended. */
export type Attempt =
  | { outcome: 'delivered' }
  /** It is tried again. With `retryAfterSeconds` the receiver asked not to be sent anything for this time. */
  | { outcome: 'failed'; reason: string; retryAfterSeconds?: number | undefined }
  /** The receiver wants no further events. */
  | { outcome: 'gone'; reason: string }
  /** This process is stopping, so nothing is known. */
  | { outcome: 'interrupted' }

/** A delivery whose event still exists. */
export type DueEvent = Delivery & { event: SecurityEvent }

/** Sends events to the receivers of one kind. */
export interface Sender {
  /** Tries it once, in limited time. Never rejects. */
  send(receiver: EventReceiver, delivery: DueEvent, signal: AbortSignal): Promise<Attempt>
}
