import type { StreamOverview } from '../domain/signals/list-streams.js'
import { type Static, Type, uuidSchema } from './schemas.js'

const nullable = (description: string, format?: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], ...(format && { format }), description })
const nullableInstant = (description: string) => nullable(description, 'date-time')

/** A stream of Shared Signals in the list for operators. */
export const streamOverviewSchema = Type.Object(
  {
    id: Type.String({ ...uuidSchema, description: 'The `stream_id` that its client knows.' }),
    client_id: uuidSchema,
    client_name: nullable('Null if the client was just removed.'),
    status: Type.Union([Type.Literal('enabled'), Type.Literal('paused'), Type.Literal('disabled')]),
    reason: nullable('Why it has this status, if somebody gave a reason.'),
    delivery_method: Type.Union([Type.Literal('push'), Type.Literal('poll')], { description: 'RFC 8935 or RFC 8936.' }),
    endpoint_host: nullable('The host of the address that events are pushed to; null if they are polled.'),
    events: Type.Array(Type.String(), { description: 'The types of events that it gets.' }),
    description: nullable('What its client wrote.'),
    created_at: Type.String({ format: 'date-time' }),
    waiting: Type.Integer({ description: 'How many events wait. It is counted up to 10000.' }),
    oldest_at: nullableInstant('When the oldest event was queued that waits; null if none does.'),
    abandoned: Type.Integer({ description: 'How many events were given up. It is counted up to 10000.' }),
    succeeded_at: nullableInstant('When a push last succeeded, or it was last polled or managed, to the minute.'),
    failing_since: nullableInstant('Since when every push fails; null if the last one succeeded.'),
    last_error: nullable(
      'Why a push last failed, or its receiver last refused an event; null if nothing of it is kept.',
    ),
  },
  { title: 'StreamOverview' },
)

export function streamOverviewView(stream: StreamOverview): Static<typeof streamOverviewSchema> {
  const { backlog } = stream
  return {
    id: stream.id,
    client_id: stream.clientId,
    client_name: stream.clientName,
    status: stream.status,
    reason: stream.reason,
    delivery_method: stream.method,
    endpoint_host: stream.endpointHost,
    events: stream.events,
    description: stream.description,
    created_at: stream.createdAt.toISOString(),
    waiting: backlog.waiting,
    oldest_at: backlog.oldestAt?.toISOString() ?? null,
    abandoned: backlog.abandoned,
    succeeded_at: stream.succeededAt?.toISOString() ?? null,
    failing_since: stream.failingSince?.toISOString() ?? null,
    last_error: stream.lastError,
  }
}
