import type { Delivery } from '../../postgres/deliveries.js'
import type { AuthContext } from '../context.js'
import { STREAM_UPDATED, VERIFICATION } from './signal-types.js'
import { type Signal, type SubjectId, signalsOf } from './signals-of.js'
import { deliveredTo, type StreamReceiver, type StreamStatus, settingsOf } from './stream.js'

/** A Security Event Token (RFC 8417). */
export interface EventToken {
  /** The same whenever the event is sent. */
  jti: string
  token: string
}

/** What a stream is told that is no security event. */
export type StreamMessage =
  | { type: 'verification'; state?: string | undefined }
  | { type: 'stream-updated'; status: StreamStatus; reason?: string | undefined }

export type SigningContext = Pick<AuthContext, 'config' | 'keyring' | 'clock'>

/**
 * The tokens that a stream still has to get of a delivery: none if it does not want this type any more, or if the event
 * was deleted.
 */
export function eventTokensOf(context: SigningContext, stream: StreamReceiver, delivery: Delivery): EventToken[] {
  return contentsOf(context, stream, delivery).map(content => sign(context, stream, content))
}

/** The same, not signed yet. */
export function contentsOf(
  { config }: Pick<SigningContext, 'config'>,
  stream: StreamReceiver,
  { event, eventId, message, acknowledged }: Delivery,
): TokenContent[] {
  if (message !== null) return [messageContent(stream, eventId, message as StreamMessage)]
  if (event === null) return []
  const wanted = deliveredTo(settingsOf(stream))
  return signalsOf(event, config.issuer)
    .filter(({ type }) => wanted.includes(type))
    .map(signal => ({ ...signal, jti: jtiOf(eventId, signal), txn: eventId }))
    .filter(({ jti }) => !acknowledged?.some(part => jtiOfPart(part) === jti))
}

/** How it is stored that the receiver has one of several tokens of an event, or why it refused it. */
export function settledPart(jti: string, refusedBecause: string | undefined): string {
  return refusedBecause === undefined ? jti : `${jti} ${refusedBecause}`
}

/** Undefined if the receiver has this token. */
export function reasonOfPart(part: string): string | undefined {
  return part.includes(' ') ? part.slice(part.indexOf(' ') + 1) : undefined
}

function jtiOfPart(part: string): string {
  return part.split(' ', 1)[0]!
}

/** The token of a verification, or of a change of the status. */
export function messageToken(
  context: SigningContext,
  stream: StreamReceiver,
  id: string,
  message: StreamMessage,
): EventToken {
  return sign(context, stream, messageContent(stream, id, message))
}

/** Its subject is the stream (SSF 1.0, 8.1.4.1 and 8.1.5). */
function messageContent(stream: StreamReceiver, id: string, { type, ...claims }: StreamMessage): TokenContent {
  const subject = { format: 'opaque', id: stream.id }
  const uri = type === 'verification' ? VERIFICATION : STREAM_UPDATED
  return { type: uri, subject, claims, jti: id, txn: id }
}

/** The id of the event in the `jti` of its token; undefined if no token has this `jti`. */
export function eventIdOf(jti: string): string | undefined {
  return /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.[a-z-]{1,64})?$/.exec(jti)?.[1]
}

/** An event can have several tokens. */
function jtiOf(eventId: string, { type }: Signal): string {
  return `${eventId}.${type.slice(type.lastIndexOf('/') + 1)}`
}

/** What a token says, without what all of them say. */
export interface TokenContent {
  jti: string
  /** The same for all tokens of one event. */
  txn: string
  type: string
  subject: SubjectId
  claims: object
}

/** Without `sub` and `exp`, so that nobody takes it for another kind of token (SSF 1.0, 4.1). */
function sign(
  { config, keyring, clock }: SigningContext,
  stream: StreamReceiver,
  { jti, txn, type, subject, claims }: TokenContent,
): EventToken {
  const now = clock()
  const payload = {
    iss: config.issuer,
    aud: stream.clientId,
    iat: Math.floor(now / 1000),
    jti,
    txn,
    sub_id: subject,
    events: { [type]: claims },
  }
  return { jti, token: keyring.signingKey(now).signEvent(payload) }
}
