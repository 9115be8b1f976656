import type { Config } from '../../../config/config.js'
import { SIGNAL_TYPES } from '../../../domain/signals/signal-types.js'
import { deliveredTo, type StreamReceiver, settingsOf, statusOf } from '../../../domain/signals/stream.js'
import { INACTIVITY_TIMEOUT_SECONDS, MIN_VERIFICATION_INTERVAL_SECONDS } from '../../../domain/signals/stream-status.js'
import type { ErrorCode } from '../../../lib/errors.js'
import { accessTokenErrors, errorResponses, type Static, Type } from '../../schemas.js'

export const PUSH = 'urn:ietf:rfc:8935'
export const POLL = 'urn:ietf:rfc:8936'

/** The OpenAPI fields that all routes of streams share. */
export const signalOperation = { tags: ['Other services'], security: [{ client: ['signals'] }] }

const COMMON_ERRORS = [
  ...accessTokenErrors,
  'invalid_request',
  'insufficient_scope',
  'revocations_stale',
  'store_unavailable',
] as const satisfies ErrorCode[]

/** The errors of a route of streams: the given codes, and those of every such route. */
export function signalErrors<C extends ErrorCode = never>(...codes: C[]) {
  return errorResponses<C | (typeof COMMON_ERRORS)[number]>(...COMMON_ERRORS, ...codes)
}

export const streamId = Type.String({ minLength: 1, maxLength: 64, description: 'The id of the stream.' })
/** Postgres can store neither U+0000 nor half of a surrogate pair. */
export const STORABLE = {
  pattern: '^[^\\p{Cc}\\uFFFD\\p{Cs}]*$',
  'x-message': 'must not contain control characters or broken characters',
}
const eventTypes = Type.Array(Type.String({ minLength: 1, maxLength: 256, ...STORABLE }), { maxItems: 100 })

/** What a receiver decides of a stream. */
export const receiverSupplied = {
  delivery: Type.Optional(
    Type.Object(
      {
        method: Type.Union([Type.Literal(PUSH), Type.Literal(POLL)]),
        endpoint_url: Type.Optional(
          Type.String({ maxLength: 2000, description: 'Where events are pushed to; with RFC 8936 it is ignored.' }),
        ),
        authorization_header: Type.Optional(
          Type.String({
            maxLength: 4096,
            pattern: '^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$',
            'x-message': 'must contain only printable ASCII characters',
            description: 'Sent with each push as `Authorization`. It is never shown.',
          }),
        ),
      },
      { description: 'By default the receiver polls.' },
    ),
  ),
  events_requested: Type.Optional({
    ...eventTypes,
    description: 'URIs of types of events. Unknown ones are ignored; by default all types are sent.',
  }),
  description: Type.Optional(
    Type.String({
      maxLength: 500,
      ...STORABLE,
    }),
  ),
}

/** What this service decides: a receiver can send it back, but not change it. */
export const transmitterSupplied = {
  iss: Type.Optional(Type.String()),
  aud: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  events_supported: Type.Optional(eventTypes),
  events_delivered: Type.Optional(eventTypes),
  min_verification_interval: Type.Optional(Type.Integer()),
  inactivity_timeout: Type.Optional(Type.Integer()),
}

export const streamSchema = Type.Object(
  {
    stream_id: Type.String(),
    iss: Type.String(),
    aud: Type.String({ description: 'The id of the client.' }),
    events_supported: Type.Array(Type.String()),
    events_requested: Type.Optional(Type.Array(Type.String())),
    events_delivered: Type.Array(Type.String()),
    delivery: Type.Object({ method: Type.String(), endpoint_url: Type.String() }),
    min_verification_interval: Type.Integer({ description: 'In seconds.' }),
    inactivity_timeout: Type.Optional(
      Type.Integer({
        description: 'Only for polling: if nobody polls the stream for this number of seconds, it is disabled.',
      }),
    ),
    description: Type.Optional(Type.String()),
  },
  { title: 'Stream', description: 'A stream of Shared Signals.' },
)
export type StreamView = Static<typeof streamSchema>

export function streamView(stream: StreamReceiver, { issuer, publicUrl }: Config): StreamView {
  const settings = settingsOf(stream)
  const { method, url, eventsRequested, description } = settings
  return {
    stream_id: stream.id,
    iss: issuer,
    aud: stream.clientId,
    events_supported: [...SIGNAL_TYPES],
    ...(eventsRequested !== undefined && { events_requested: eventsRequested }),
    events_delivered: deliveredTo(settings),
    delivery:
      method === 'push'
        ? { method: PUSH, endpoint_url: url! }
        : { method: POLL, endpoint_url: `${publicUrl}/ssf/poll/${stream.id}` },
    min_verification_interval: MIN_VERIFICATION_INTERVAL_SECONDS,
    ...(method === 'poll' && { inactivity_timeout: INACTIVITY_TIMEOUT_SECONDS }),
    ...(description !== undefined && { description }),
  }
}

export const statusSchema = Type.Object(
  { stream_id: Type.String(), status: Type.String(), reason: Type.Optional(Type.String()) },
  { title: 'StreamStatus', description: 'Whether the stream is enabled, paused or disabled.' },
)

export function statusView(stream: StreamReceiver): Static<typeof statusSchema> {
  const { status, reason } = statusOf(stream)
  return { stream_id: stream.id, status, ...(reason !== undefined && { reason }) }
}
