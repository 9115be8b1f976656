import { decryptText, encryptText } from '../../lib/encrypted-text.js'
import { LatchkeyError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import type { EventReceiver, EventReceivers } from '../../postgres/event-receivers.js'
import type { Secrets } from '../keys/secrets.js'
import { SIGNAL_TYPES } from './signal-types.js'

/** The settings of an event receiver of the kind `stream`. */
export interface StreamSettings {
  /** RFC 8935 or RFC 8936. */
  method: 'push' | 'poll'
  /** Where SETs are pushed to. */
  url?: string | undefined
  /** Undefined for every type that this service has. */
  eventsRequested?: string[] | undefined
  description?: string | undefined
  /** The events of this time are sent later. */
  isPaused: boolean
  /** Why it has its status. */
  reason?: string | undefined
  /** When a verification was last asked for; milliseconds since the epoch. */
  verifiedAt?: number | undefined
  /** The id of this verification. */
  verificationId?: string | undefined
}

/** A stream of Shared Signals: an event receiver that belongs to a client. */
export type StreamReceiver = EventReceiver & { kind: 'stream'; clientId: string }

export type StreamStatus = 'enabled' | 'paused' | 'disabled'

export function settingsOf({ settings }: EventReceiver): StreamSettings {
  return settings as unknown as StreamSettings
}

export function statusOf(receiver: EventReceiver): { status: StreamStatus; reason?: string | undefined } {
  const { isPaused, reason } = settingsOf(receiver)
  if (receiver.disabledAt) return { status: 'disabled', reason: receiver.disabledReason || undefined }
  return { status: isPaused ? 'paused' : 'enabled', reason }
}

/** The types of signals that the stream gets. */
export function deliveredTo(settings: StreamSettings): string[] {
  const { eventsRequested } = settings
  return eventsRequested === undefined ? [...SIGNAL_TYPES] : SIGNAL_TYPES.filter(type => eventsRequested.includes(type))
}

/** Nothing is sent by itself to a stream that is paused or polled. */
export function isHeld({ method, isPaused }: StreamSettings): boolean {
  return isPaused || method === 'poll'
}

/**
 * The stream of a client. That of another client does not exist for it.
 *
 * @throws LatchkeyError stream_not_found
 */
export async function findStream(
  { eventReceivers }: { eventReceivers: Pick<EventReceivers, 'find' | 'lock'> },
  clientId: string,
  id: string,
  { forChange = false } = {},
): Promise<StreamReceiver> {
  const find = forChange ? eventReceivers.lock : eventReceivers.find
  const receiver = isUuid(id) ? await find(id.toLowerCase()) : undefined
  if (receiver?.kind !== 'stream' || receiver.clientId !== clientId) throw new LatchkeyError('stream_not_found')
  return receiver as StreamReceiver
}

type StreamKeys = Pick<Secrets, 'deliveryEncryptionKeys'>

/** The value of the header `Authorization` of pushes, as it is stored. */
export function encryptAuthorization(id: string, authorization: string | undefined, keys: StreamKeys): Buffer {
  return encryptText(JSON.stringify({ authorization }), keys.deliveryEncryptionKeys[0], id)
}

/**
 * The value of the header `Authorization` of pushes, if the receiver wants one.
 *
 * @throws Error with a message for the operator, if it was encrypted with a JWT_SECRET that is not configured
 */
export function decryptAuthorization({ id, secrets }: EventReceiver, keys: StreamKeys): string | undefined {
  const decrypted = decryptText(secrets, keys.deliveryEncryptionKeys, id)
  if (decrypted) return JSON.parse(decrypted.plain).authorization
  throw new Error(
    `the authorization header of stream ${id} was encrypted with a JWT_SECRET that is not configured; ` +
      'add the old secret as the second value (JWT_SECRET=new,old), or let the receiver set the header again',
  )
}
