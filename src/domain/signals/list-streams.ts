import type { Backlog } from '../../postgres/deliveries.js'
import type { AuthContext } from '../context.js'
import { deliveredTo, type StreamReceiver, type StreamStatus, settingsOf, statusOf } from './stream.js'

/** A stream as operators see it: without the path of its URL, which is a secret for some receivers. */
export interface StreamOverview {
  id: string
  clientId: string
  /** Null if the client was removed a moment ago. */
  clientName: string | null
  status: StreamStatus
  /** Why it has this status. */
  reason: string | null
  method: 'push' | 'poll'
  /** Null for a stream that is polled. */
  endpointHost: string | null
  /** The types of its events, as URIs. */
  events: string[]
  description: string | null
  createdAt: Date
  /** Since then every push fails. */
  failingSince: Date | null
  /** When a push last succeeded, or it was last polled or managed; to the minute. */
  succeededAt: Date | null
  /** Why a push last failed, or the receiver last refused an event; null if nothing that failed is kept. */
  lastError: string | null
  backlog: Backlog
}

/** The streams of all clients, in the order of their creation. */
export async function listAllStreams({ db }: Pick<AuthContext, 'db'>): Promise<StreamOverview[]> {
  const streams = (await db.eventReceivers.all('stream')) as StreamReceiver[]
  const ids = streams.map(({ id }) => id)
  const [backlogs, errors, clients] = await Promise.all([
    db.deliveries.backlogs(ids),
    db.eventReceivers.lastErrors(ids),
    db.clients.all(),
  ])
  const names = new Map(clients.map(({ id, name }) => [id, name]))
  return streams.map(stream => {
    const { id, clientId, createdAt, failingSince, succeededAt } = stream
    const settings = settingsOf(stream)
    const { status, reason } = statusOf(stream)
    return {
      ...{ id, clientId, clientName: names.get(clientId) ?? null, status, reason: reason ?? null },
      method: settings.method,
      endpointHost: settings.url === undefined ? null : new URL(settings.url).host,
      events: deliveredTo(settings),
      description: settings.description ?? null,
      ...{ createdAt, failingSince, succeededAt, lastError: errors.get(id) ?? null },
      backlog: backlogs.get(id) ?? { waiting: 0, oldestAt: null, abandoned: 0 },
    }
  })
}
