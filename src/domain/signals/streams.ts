import { fieldError, LatchkeyError } from '../../lib/errors.js'
import { newId } from '../../lib/ids.js'
import type { ClientPrincipal } from '../clients/client-principal.js'
import type { AuthContext, Repositories } from '../context.js'
import { OUTAGE_FAILURES } from '../deliveries/back-off.js'
import { dropDeliveries } from '../deliveries/drop-deliveries.js'
import { readReceiverUrl } from '../deliveries/receiver-url.js'
import { eventTypesOf } from './signal-types.js'
import { deliveredTo, encryptAuthorization, findStream, isHeld, type StreamReceiver, settingsOf } from './stream.js'

/** How a stream gets its events. */
export type GivenDelivery = { method: 'poll' } | { method: 'push'; url: string; authorization?: string | undefined }

export interface GivenStream {
  delivery?: GivenDelivery | undefined
  /** Undefined for every type; unknown ones are ignored. */
  eventsRequested?: readonly string[] | undefined
  description?: string | undefined
}

/** What can be changed. What is undefined stays as it is. */
export type StreamChange = GivenStream

type Context = Pick<AuthContext, 'db' | 'secrets'>

/** Each stream costs a row for each event. */
const MOST_STREAMS = 20

/**
 * Creates a stream: from now on it gets every event of its types.
 *
 * @param client from its verified token, which is checked again in the transaction: a client that was removed must not
 *   leave a stream
 * @throws LatchkeyError invalid_stream, too_many_streams, token_revoked
 */
export async function createStream(
  { db, secrets }: Context,
  client: ClientPrincipal,
  { delivery = { method: 'poll' }, eventsRequested, description }: GivenStream,
): Promise<StreamReceiver> {
  const id = newId()
  const { authorization, ...way } = readDelivery(delivery)
  const settings = { ...way, eventsRequested: eventsRequested && [...eventsRequested], description, isPaused: false }
  const { clientId } = client
  return db.transaction(async repositories => {
    const scopes = await repositories.clients.holdToken(client)
    if (!scopes?.includes('signals')) throw new LatchkeyError('token_revoked')
    await repositories.eventReceivers.lockOfClient(clientId)
    if ((await repositories.eventReceivers.ofClient(clientId)).length >= MOST_STREAMS)
      throw new LatchkeyError('too_many_streams')
    const created = (await repositories.eventReceivers.create({
      id,
      kind: 'stream',
      clientId,
      settings: { ...settings },
      isHeld: isHeld(settings),
      secrets: encryptAuthorization(id, authorization, secrets),
      types: eventTypesOf(deliveredTo(settings)),
    })) as StreamReceiver
    await repositories.securityEvents.add({ type: 'stream_created', actor: clientId, details: detailsOf(created) })
    return created
  })
}

/** The streams of a client, in the order of their creation. */
export async function listStreams({ db }: Pick<AuthContext, 'db'>, clientId: string): Promise<StreamReceiver[]> {
  return (await db.eventReceivers.ofClient(clientId)) as StreamReceiver[]
}

/** @throws LatchkeyError stream_not_found */
export async function getStream(
  { db }: Pick<AuthContext, 'db'>,
  clientId: string,
  id: string,
): Promise<StreamReceiver> {
  const stream = await findStream(db, clientId, id)
  await restartInactivity(db, stream)
  return stream
}

/** A stream that its receiver manages or polls is in use (SSF 1.0, 8.1.1, `inactivity_timeout`). */
export async function restartInactivity(
  { eventReceivers }: Pick<Repositories, 'eventReceivers'>,
  stream: StreamReceiver,
): Promise<void> {
  if (settingsOf(stream).method === 'poll') await eventReceivers.succeeded(stream.id, OUTAGE_FAILURES)
}

/**
 * What waits for its next attempt is pushed at once. Each change of the settings needs it, because it forgets the failures
 * that were counted: a success afterwards does not know that there was an outage, and would leave what failed to its pause.
 */
export async function sendNow({ deliveries }: Pick<Repositories, 'deliveries'>, stream: StreamReceiver): Promise<void> {
  if (settingsOf(stream).method === 'push') await deliveries.hasten(stream.id)
}

/**
 * Changes a stream. What waits is sent in the new way, and at once. The authorization header of pushes stays if the address stays and no
 * other header is given: a receiver that sends back what it has read does not know it.
 *
 * @param options.replaces whether what is missing in the change is removed
 * @throws LatchkeyError stream_not_found, invalid_stream
 */
export async function changeStream(
  { db, secrets }: Context,
  clientId: string,
  id: string,
  change: StreamChange,
  { replaces }: { replaces: boolean },
): Promise<StreamReceiver> {
  const given = change.delivery ?? (replaces ? { method: 'poll' as const } : undefined)
  const read = given && readDelivery(given)
  return db.transaction(async repositories => {
    const stream = await findStream(repositories, clientId, id, { forChange: true })
    const before = settingsOf(stream)
    const { authorization, ...way } = read ?? { method: before.method, url: before.url, authorization: undefined }
    const kept = replaces ? undefined : before
    const settings = {
      ...before,
      ...way,
      url: way.url,
      eventsRequested: change.eventsRequested ? [...change.eventsRequested] : kept?.eventsRequested,
      description: change.description ?? kept?.description,
    }
    const isNewHeader = authorization !== undefined || way.url !== before.url
    const changed = (await repositories.eventReceivers.change(stream.id, {
      settings: { ...settings },
      isHeld: isHeld(settings),
      types: eventTypesOf(deliveredTo(settings)),
      secrets: isNewHeader ? encryptAuthorization(stream.id, authorization, secrets) : undefined,
    })) as StreamReceiver
    await sendNow(repositories, changed)
    await restartInactivity(repositories, changed)
    await repositories.securityEvents.add({ type: 'stream_changed', actor: clientId, details: detailsOf(changed) })
    return changed
  })
}

/**
 * Removes a stream with everything that waits for it.
 *
 * @throws LatchkeyError stream_not_found
 */
export async function removeStream({ db }: Pick<AuthContext, 'db'>, clientId: string, id: string): Promise<void> {
  const removed = await db.transaction(async repositories => {
    const stream = await findStream(repositories, clientId, id, { forChange: true })
    await repositories.eventReceivers.remove(stream.id)
    await repositories.securityEvents.add({ type: 'stream_removed', actor: clientId, details: detailsOf(stream) })
    return stream.id
  })
  await dropDeliveries({ db }, removed)
}

/** Without the path of the URL: for some receivers it is a secret. */
export function detailsOf(stream: StreamReceiver): Record<string, unknown> {
  const { method, url } = settingsOf(stream)
  return {
    stream_id: stream.id,
    client_id: stream.clientId,
    method,
    ...(url !== undefined && { host: new URL(url).host }),
  }
}

function readDelivery(delivery: GivenDelivery): {
  method: 'push' | 'poll'
  url?: string | undefined
  authorization?: string | undefined
} {
  if (delivery.method === 'poll') return { method: 'poll' }
  const { method, url, authorization } = delivery
  const refuse = (message: string) => fieldError('invalid_stream', 'delivery.endpoint_url', message)
  return { method, url: readReceiverUrl(url, refuse).href, authorization }
}
