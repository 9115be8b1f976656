import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { findUsers, overviewsOf, type UserSearch } from '../../../domain/accounts/find-users.js'
import type { AuthContext } from '../../../domain/context.js'
import { LatchkeyError } from '../../../lib/errors.js'
import { bodyOf, Type } from '../../schemas.js'
import { eventsQueryDocs } from '../auth/events.js'
import { adminErrors, adminOperation, nameText, userOverviewSchema, userOverviewView } from './schemas.js'

const searchText = Type.Optional(Type.String(nameText))

const DEFAULT_LIMIT = '50'

/** Finds users. */
export const userSearchRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.get(
    '/admin/users',
    {
      schema: {
        ...adminOperation,
        operationId: 'findUsers',
        documented: { query: { limit: { ...eventsQueryDocs.limit, default: 50, description: 'Users per page.' } } },
        summary: 'Find users, one page at a time',
        description:
          'All users, newest first, or those with one name or prefix. The search text is normalised in the same ' +
          'way as stored names.',
        querystring: bodyOf({
          email: searchText,
          email_prefix: searchText,
          username: searchText,
          username_prefix: searchText,
          external_id: searchText,
          external_id_prefix: searchText,
          limit: Type.String({
            pattern: '^([1-9][0-9]?|100)$',
            'x-message': 'must be a whole number from 1 to 100',
            default: DEFAULT_LIMIT,
            description: 'Users per page, 1 to 100.',
          }),
          cursor: Type.Optional(
            Type.String({ minLength: 1, maxLength: 2048, description: 'The `next_cursor` of the previous page.' }),
          ),
        }),
        response: {
          200: Type.Object(
            {
              users: Type.Array(userOverviewSchema),
              next_cursor: Type.Unsafe<string | null>({
                type: ['string', 'null'],
                description: 'Null on the last page.',
              }),
            },
            { title: 'UserPage', description: 'A page of users.' },
          ),
          ...adminErrors(),
        },
      },
    },
    async request => {
      const { limit, cursor, ...names } = request.query
      const page = await findUsers(context, searchOf(names), { cursor, limit: Number(limit) })
      const overviews = await overviewsOf(context, page.users)
      return { users: overviews.map(userOverviewView), next_cursor: page.nextCursor }
    },
  )
}

const SEARCH_FIELDS = { email: 'email', username: 'username', external_id: 'externalId' } as const

/**
 * Reads the search of `GET /admin/users`: at most one name, because the meaning of two would be ambiguous.
 *
 * @throws LatchkeyError invalid_request
 */
function searchOf(names: Partial<Record<string, string>>): UserSearch | undefined {
  const asked = Object.entries(SEARCH_FIELDS).flatMap(([name, field]) =>
    [name, `${name}_prefix`].flatMap(parameter => {
      const text = names[parameter]
      return text === undefined ? [] : [{ field, text, isPrefix: parameter !== name }]
    }),
  )
  if (asked.length > 1) {
    const errors = Object.keys(names).map(field => ({ field, message: 'cannot be combined with another name' }))
    throw new LatchkeyError('invalid_request', { detail: 'Search for one name at a time.', errors })
  }
  return asked[0]
}
