import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { AuthContext } from '../../../domain/context.js'
import {
  type EventPage,
  type EventsQuery,
  type ListedEvent,
  listOwnEvents,
} from '../../../domain/events/list-events.js'
import {
  accessTokenErrors,
  type EventView,
  errorResponses,
  eventPageSchema,
  idSchema,
  type Static,
  Type,
} from '../../schemas.js'

/** Lists the security events of the signed-in user. */
export const eventRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.get(
    '/auth/events',
    {
      onRequest: app.authenticate,
      schema: {
        operationId: 'listEvents',
        summary: 'List the events of the account, newest first',
        description: 'Sign-ins, refused attempts, and why sessions ended.',
        tags: ['Account'],
        documented: { query: eventsQueryDocs },
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
      return eventPageView(context, await listOwnEvents(context, request.principal, parseEventsQuery(request.query)))
    },
  )
}

/** The query parameter `limit` as clients see it. */
export const eventsQueryDocs = {
  limit: { type: 'integer', minimum: 1, maximum: 100, default: 20, description: 'Events per page.' },
}

/** The query parameters of a page of events. They are strings. */
export const eventsQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.String({
        pattern: '^([1-9][0-9]?|100)$',
        'x-message': 'must be a whole number from 1 to 100',
        description: 'Events per page: 1 to 100, by default 20.',
      }),
    ),
    before: Type.Optional(Type.String({ ...idSchema, description: 'The `next` of the previous page.' })),
  },
  { additionalProperties: false },
)

export function parseEventsQuery({ limit, before }: Static<typeof eventsQuery>): EventsQuery {
  return { limit: limit === undefined ? 20 : Number(limit), before }
}

export function eventPageView(
  { locate }: Pick<AuthContext, 'locate'>,
  { events, next }: EventPage,
): { events: EventView[]; next: string | null } {
  return { events: events.map(event => eventView(event, locate)), next }
}

/** @param locate where an address is; without it, the view says of no event where it was caused */
export function eventView(event: ListedEvent, locate?: AuthContext['locate']): EventView {
  const location = event.ip === null ? undefined : locate?.(event.ip)
  return {
    id: event.id,
    at: event.at.toISOString(),
    type: event.type,
    session_id: event.sessionId,
    actor: event.actor,
    ip: event.ip,
    user_agent: event.userAgent,
    device: event.device,
    location: location ? { country: location.country, city: location.city ?? null } : null,
    details: event.details ?? {},
  }
}
