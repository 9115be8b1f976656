import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { AuthContext } from '../../../domain/context.js'
import { readTypes } from '../../../domain/events/event-types.js'
import { findEvents } from '../../../domain/events/latest-events.js'
import { fieldError } from '../../../lib/errors.js'
import type { SecurityEventType } from '../../../postgres/security-event-types.js'
import { readInstant } from '../../instant.js'
import { bodyOf, eventSchema, idSchema, Type } from '../../schemas.js'
import { eventsQueryDocs, eventView } from '../auth/events.js'
import { adminErrors, adminOperation } from './schemas.js'

const DEFAULT_LIMIT = '50'

const instant = (description: string) => Type.Optional(Type.String({ format: 'date-time', maxLength: 40, description }))

/** An event of any account. */
const accountEventSchema = Type.Object(
  {
    ...eventSchema.properties,
    user_id: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'Null if it belongs to no account.' }),
  },
  { title: 'AccountEvent', description: 'A security event, with its account.' },
)

/** The events of all accounts, for audits. */
export const adminEventRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.get(
    '/admin/events',
    {
      schema: {
        ...adminOperation,
        operationId: 'findEvents',
        documented: { query: { limit: { ...eventsQueryDocs.limit, default: 50 } } },
        summary: 'Find events of all accounts, newest first',
        description:
          'With all details. Every change by an administrator, a client or a command has its event, with the `actor`: so ' +
          '`actor` lists what one of them did.',
        querystring: bodyOf({
          type: Type.Optional(
            Type.String({ maxLength: 1000, description: 'Only these types, separated by commas (docs/events.md).' }),
          ),
          user_id: Type.Optional(Type.String({ ...idSchema, description: 'Only events of this account.' })),
          actor: Type.Optional(
            Type.String({
              pattern: '^[A-Za-z0-9_.:-]{1,64}$',
              'x-message': 'must be user, system, cli, or the id of an administrator or a client',
              description: '`user`, `system`, `cli`, or the id of an administrator or a client.',
            }),
          ),
          since: instant('The first instant of the events.'),
          until: instant('The first instant that is not included.'),
          limit: Type.String({
            pattern: '^([1-9][0-9]?|100)$',
            'x-message': 'must be a whole number from 1 to 100',
            default: DEFAULT_LIMIT,
            description: 'Events per page, 1 to 100.',
          }),
          cursor: Type.Optional(
            Type.String({ minLength: 1, maxLength: 2048, description: 'The `next_cursor` of the previous page.' }),
          ),
        }),
        response: {
          200: Type.Object(
            {
              events: Type.Array(accountEventSchema),
              next_cursor: Type.Unsafe<string | null>({
                type: ['string', 'null'],
                description: 'Null on the last page.',
              }),
            },
            { title: 'AccountEventPage', description: 'A page of events, newest first.' },
          ),
          ...adminErrors(),
        },
      },
    },
    async request => {
      const { type, user_id: userId, actor, since, until, limit, cursor } = request.query
      const filter = {
        types: type === undefined ? undefined : typesIn(type),
        userId,
        actor,
        since: since === undefined ? undefined : readInstant('since', since),
        until: until === undefined ? undefined : readInstant('until', until),
      }
      const { events, nextCursor } = await findEvents(context, filter, { cursor, limit: Number(limit) })
      return {
        events: events.map(event => ({ ...eventView(event, context.locate), user_id: event.userId })),
        next_cursor: nextCursor,
      }
    },
  )
}

function typesIn(text: string): SecurityEventType[] {
  const read = readTypes(text)
  if ('unknown' in read) throw fieldError('invalid_request', 'type', 'must be types of events, separated by commas')
  return read.types
}
