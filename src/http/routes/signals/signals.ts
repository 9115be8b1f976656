import type { FastifyPluginAsync } from 'fastify'
import type { AuthContext } from '../../../domain/context.js'
import { transmitterMetadataRoutes } from './metadata.js'
import { pollRoute } from './poll.js'
import { streamStatusRoutes } from './status.js'
import { streamRoutes } from './streams.js'

/** The Shared Signals Framework 1.0, for the clients that want to hear of revocations and changes of accounts. */
export const signalRoutes: FastifyPluginAsync<{ context: AuthContext }> = async (app, { context }) => {
  await app.register(transmitterMetadataRoutes, { context })
  await app.register(async app => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store')
    })
    app.addHook('onRequest', app.authenticateClient('signals'))
    await app.register(streamRoutes, { context })
    await app.register(streamStatusRoutes, { context })
    await app.register(pollRoute, { context })
  })
}
