import { codeOf, messageOf } from '../../lib/error-facts.js'
import type { Delivery } from '../../postgres/deliveries.js'
import type { EventReceiver } from '../../postgres/event-receivers.js'

/** How an attempt ended. */
export type Attempt =
  | { outcome: 'delivered' }
  /**
   * It is tried again. With `retryAfterSeconds` the receiver asked not to be sent anything for this time. With `isRefused`
   * the receiver has read it and does not accept it, so it is given up after a few attempts. With `isOnlyThisOne` it says
   * nothing about the receiver, and other events do not wait.
   */
  | {
      outcome: 'failed'
      reason: string
      retryAfterSeconds?: number | undefined
      isRefused?: boolean
      isOnlyThisOne?: boolean
    }
  /** This one will never be accepted: it is given up at once, and says nothing about the receiver. */
  | { outcome: 'refused'; reason: string }
  /** The receiver wants no further events. */
  | { outcome: 'gone'; reason: string }
  /** This process is stopping, so nothing is known. */
  | { outcome: 'interrupted' }

/** Sends events to the receivers of one kind. */
export interface Sender {
  /** Tries once to send an event or a message, in limited time. Never rejects. */
  send(receiver: EventReceiver, delivery: Delivery, signal: AbortSignal): Promise<Attempt>
}

const MAX_REASON_LENGTH = 300

/**
 * Why there was no answer, for operators. The message of an error can contain what the receiver sent, such as the names in
 * its certificate: Postgres could not store every character of it.
 */
export function reasonOf(error: unknown): string {
  // Of a name with several addresses, which have all failed. The error itself has no message.
  const causes: unknown[] = error instanceof AggregateError ? error.errors : [error]
  const text = causes.map(cause => messageOf(cause) || codeOf(cause) || 'the request failed').join('; ')
  return text.replaceAll(/[\p{Cc}\p{Cs}]+/gu, ' ').slice(0, MAX_REASON_LENGTH)
}
