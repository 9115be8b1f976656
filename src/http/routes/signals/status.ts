import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { AuthContext } from '../../../domain/context.js'
import { requestVerification, setStreamStatus } from '../../../domain/signals/stream-status.js'
import { getStream } from '../../../domain/signals/streams.js'
import { Type } from '../../schemas.js'
import { examples } from './examples.js'
import { STORABLE, signalErrors, signalOperation, statusSchema, statusView, streamId } from './schemas.js'

/** The status endpoint and the verification endpoint (SSF 1.0, 8.1.2 and 8.1.4). */
export const streamStatusRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.get(
    '/ssf/status',
    {
      schema: {
        ...signalOperation,
        operationId: 'getStreamStatus',
        summary: 'Get the status of a stream',
        description: 'Whether it is enabled, paused or disabled, and why.',
        querystring: Type.Object({ stream_id: streamId }),
        response: { 200: statusSchema, ...signalErrors('stream_not_found') },
      },
    },
    async request => statusView(await getStream(context, request.client.clientId, request.query.stream_id)),
  )

  app.post(
    '/ssf/status',
    {
      schema: {
        ...signalOperation,
        operationId: 'setStreamStatus',
        summary: 'Enable, pause or disable a stream',
        description:
          'The events of a pause are sent when the stream is enabled again. For a disabled stream nothing is kept, and ' +
          'what waited is dropped.',
        body: Type.Object({
          stream_id: streamId,
          status: Type.Union([Type.Literal('enabled'), Type.Literal('paused'), Type.Literal('disabled')]),
          reason: Type.Optional(
            Type.String({
              maxLength: 200,
              ...STORABLE,
            }),
          ),
        }),
        documented: { examples: examples.setStatus },
        response: { 200: statusSchema, ...signalErrors('stream_not_found') },
      },
    },
    async request => {
      const { stream_id: id, status, reason } = request.body
      return statusView(await setStreamStatus(context, request.client.clientId, id, { status, reason }))
    },
  )

  app.post(
    '/ssf/verification',
    {
      schema: {
        ...signalOperation,
        operationId: 'verifyStream',
        summary: 'Ask for a verification event',
        description: 'The stream gets an event with this `state`, which shows that it works.',
        body: Type.Object({
          stream_id: streamId,
          state: Type.Optional(Type.String({ maxLength: 1024, ...STORABLE, description: 'Is sent back as it is.' })),
        }),
        documented: { examples: examples.verification },
        response: {
          204: Type.Null({ description: 'The event will be sent.' }),
          ...signalErrors('stream_not_found', 'rate_limited'),
        },
      },
    },
    async (request, reply) => {
      const { stream_id: id, state } = request.body
      await requestVerification(context, request.client.clientId, id, state)
      return reply.code(204).send(null)
    },
  )
}
