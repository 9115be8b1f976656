import { isDeepStrictEqual } from 'node:util'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { AuthContext } from '../../../domain/context.js'
import {
  changeStream,
  createStream,
  type GivenStream,
  getStream,
  listStreams,
  removeStream,
} from '../../../domain/signals/streams.js'
import { fieldError } from '../../../lib/errors.js'
import { type Static, Type } from '../../schemas.js'
import { examples } from './examples.js'
import {
  PUSH,
  receiverSupplied,
  type StreamView,
  signalErrors,
  signalOperation,
  streamId,
  streamSchema,
  streamView,
  transmitterSupplied,
} from './schemas.js'

const BODY_LIMIT = 64 * 1024
const given = Type.Object(receiverSupplied)
/** Unknown fields are ignored: a later version of the specification can have more. */
const change = Type.Object({ stream_id: streamId, ...receiverSupplied, ...transmitterSupplied })

/** The configuration endpoint: clients create, read, change and delete their own streams (SSF 1.0, 8.1.1). */
export const streamRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  const { config } = context

  app.post(
    '/ssf/streams',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        ...signalOperation,
        operationId: 'createStream',
        summary: 'Create a stream of Shared Signals',
        description: 'For clients with the scope `signals`. From now on the stream gets every event of its types.',
        body: given,
        documented: { examples: examples.createStream },
        response: { 201: streamSchema, ...signalErrors('invalid_stream', 'too_many_streams') },
      },
    },
    async (request, reply) =>
      reply.code(201).send(streamView(await createStream(context, request.client, readGiven(request.body)), config)),
  )

  app.get(
    '/ssf/streams',
    {
      schema: {
        ...signalOperation,
        operationId: 'readStreams',
        summary: 'Read one stream, or all streams of the client',
        description: 'With `stream_id` the answer is this stream, and without it the list of all.',
        querystring: Type.Object({ stream_id: Type.Optional(streamId) }),
        response: {
          200: Type.Union([streamSchema, Type.Array(streamSchema)], { description: 'The stream, or the list.' }),
          ...signalErrors('stream_not_found'),
        },
      },
    },
    async request => {
      const { clientId } = request.client
      const { stream_id: id } = request.query
      if (id !== undefined) return streamView(await getStream(context, clientId, id), config)
      return (await listStreams(context, clientId)).map(stream => streamView(stream, config))
    },
  )

  app.patch(
    '/ssf/streams',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        ...signalOperation,
        operationId: 'updateStream',
        summary: 'Change a stream',
        description: 'What is missing stays as it is. What only the service decides must have its present value.',
        body: change,
        documented: { examples: examples.changeStream },
        response: { 200: streamSchema, ...signalErrors('stream_not_found', 'invalid_stream') },
      },
    },
    async request => changed(request.client.clientId, request.body, false),
  )

  app.put(
    '/ssf/streams',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        ...signalOperation,
        operationId: 'replaceStream',
        summary: 'Replace the configuration of a stream',
        description:
          'What is missing gets its default: the receiver polls, and every type is sent. The authorization header ' +
          'stays if the address stays and no other header is sent.',
        body: change,
        documented: { examples: examples.replaceStream },
        response: { 200: streamSchema, ...signalErrors('stream_not_found', 'invalid_stream') },
      },
    },
    async request => changed(request.client.clientId, request.body, true),
  )

  app.delete(
    '/ssf/streams',
    {
      schema: {
        ...signalOperation,
        operationId: 'deleteStream',
        summary: 'Delete a stream',
        description: 'With everything that waits for it.',
        querystring: Type.Object({ stream_id: streamId }),
        response: { 204: Type.Null({ description: 'The stream is deleted.' }), ...signalErrors('stream_not_found') },
      },
    },
    async (request, reply) => {
      await removeStream(context, request.client.clientId, request.query.stream_id)
      return reply.code(204).send(null)
    },
  )

  async function changed(clientId: string, body: Static<typeof change>, replaces: boolean) {
    const present = await getStream(context, clientId, body.stream_id)
    checkPresentValues(body, streamView(present, config))
    const stream = await changeStream(context, clientId, body.stream_id, readGiven(body), { replaces })
    context.dispatcher?.wake()
    return streamView(stream, config)
  }
}

function readGiven({ delivery, events_requested, description }: Static<typeof given>): GivenStream {
  const rest = { eventsRequested: events_requested, description }
  if (delivery === undefined) return rest
  const { method, endpoint_url: url, authorization_header: authorization } = delivery
  if (method !== PUSH) return { ...rest, delivery: { method: 'poll' } }
  if (url === undefined) throw fieldError('invalid_stream', 'delivery.endpoint_url', 'is required')
  return { ...rest, delivery: { method: 'push', url, authorization } }
}

/** SSF 1.0, 8.1.1.3: what only this service decides can be sent, but must be right. */
function checkPresentValues(sent: Static<typeof change>, present: StreamView): void {
  for (const name of Object.keys(transmitterSupplied) as (keyof typeof transmitterSupplied)[])
    if (sent[name] !== undefined && !isDeepStrictEqual(withoutOrder(sent[name]), withoutOrder(present[name])))
      throw fieldError('invalid_stream', name, 'must be the present value, or missing')
}

/** A list of one value is the value. */
function withoutOrder(value: unknown): unknown {
  return Array.isArray(value) ? (value.length === 1 ? value[0] : value.toSorted()) : value
}
