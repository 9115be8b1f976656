import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { AuthContext } from '../../domain/context.js'
import { verifyAccessToken } from '../../domain/verify-access-token.js'

/**
 * Looks once more at the access token of a request when its body has come. A body may take its time, and a session that
 * was ended meanwhile must not act by a request that it began before.
 */
export const recheckAfterBody = fp(
  async (app: FastifyInstance, { context }: { context: AuthContext }) => {
    app.addHook('preHandler', async request => {
      if (request.principal === null || request.body === undefined) return
      const token = request.presentedAccessToken()
      if (token !== undefined) await verifyAccessToken(context, token)
    })
  },
  { name: 'recheck-after-body', fastify: '5.x', dependencies: ['authenticate'] },
)
