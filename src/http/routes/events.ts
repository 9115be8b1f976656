import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { AuthContext } from '../../domain/context.js'
import { listOwnEvents } from '../../domain/events.js'
import { accessTokenErrors, errorResponses, eventPageSchema } from '../plugins/schemas.js'
import { eventPageView } from './event-view.js'
import { eventsAsked, eventsQuery } from './events-asked.js'

/** What happened to one's account. */
export const eventRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.get(
    '/auth/events',
    {
      onRequest: app.authenticate,
      schema: {
        summary: 'What happened to the account, the latest first: sign-ins, refusals, why a session ended',
        tags: ['user'],
        security: [{ bearer: [] }],
        querystring: eventsQuery,
        response: {
          200: eventPageSchema,
          ...errorResponses('invalid_request', ...accessTokenErrors, 'store_unavailable'),
        },
      },
    },
    async (request, reply) => {
      reply.header('Cache-Control', 'no-store')
      return eventPageView(await listOwnEvents(context, request.principal, eventsAsked(request.query)))
    },
  )
}
