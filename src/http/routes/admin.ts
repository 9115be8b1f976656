import type { FastifyPluginAsync } from 'fastify'
import type { AuthContext } from '../../domain/context.js'
import { openSessionRoute } from './admin/open-session.js'
import { revocationRoutes } from './admin/revocations.js'
import { userAccessRoutes } from './admin/user-access.js'
import { userRoutes } from './admin/users.js'

/**
 * What administrators do: clients with the scope `admin`, and users with the role `admin`. Opening sessions has a scope
 * of its own and is for clients alone.
 */
export const adminRoutes: FastifyPluginAsync<{ context: AuthContext }> = async (app, { context }) => {
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })
  await app.register(openSessionRoute, { context })
  await app.register(async app => {
    app.addHook('onRequest', app.authenticateAdmin)
    app.addHook('preHandler', app.authorizeAdmin)
    await app.register(userRoutes, { context })
    await app.register(userAccessRoutes, { context })
    await app.register(revocationRoutes)
  })
}
