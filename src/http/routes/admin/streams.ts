import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { AuthContext } from '../../../domain/context.js'
import { listAllStreams } from '../../../domain/signals/list-streams.js'
import { Type } from '../../schemas.js'
import { streamOverviewSchema, streamOverviewView } from '../../stream-views.js'
import { adminErrors, adminOperation } from './schemas.js'

/** The streams of Shared Signals, which clients manage, for operators. */
export const streamListRoute: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.get(
    '/admin/streams',
    {
      schema: {
        ...adminOperation,
        operationId: 'listAllStreams',
        summary: 'List the Shared Signals streams of all clients',
        description: 'All of them, the oldest first, each with what waits for it. Only its client can change a stream.',
        response: {
          200: Type.Object(
            { streams: Type.Array(streamOverviewSchema) },
            { title: 'StreamOverviewList', description: 'The streams.' },
          ),
          ...adminErrors(),
        },
      },
    },
    async () => ({ streams: (await listAllStreams(context)).map(streamOverviewView) }),
  )
}
