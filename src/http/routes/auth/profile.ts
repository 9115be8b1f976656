import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { profile } from '../../../domain/accounts/profile.js'
import type { AuthContext } from '../../../domain/context.js'
import { accessTokenErrors, errorResponses, userSchema } from '../../schemas.js'
import { userView } from './token-response.js'

/** Returns the signed-in user. */
export const profileRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.get(
    '/auth/profile',
    {
      onRequest: app.authenticate,
      schema: {
        operationId: 'getProfile',
        summary: 'Get the signed-in user',
        description: 'As it is now. The access token can contain older roles.',
        tags: ['Account'],
        security: [{ bearer: [] }],
        response: {
          200: userSchema,
          ...errorResponses(...accessTokenErrors, 'store_unavailable'),
        },
      },
    },
    async (request, reply) => {
      reply.header('Cache-Control', 'no-store')
      return userView(await profile(context, request.principal))
    },
  )
}
