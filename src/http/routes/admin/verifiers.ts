import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { listVerifiers } from '../../../domain/clients/list-verifiers.js'
import type { AuthContext } from '../../../domain/context.js'
import { bodyOf, Type } from '../../schemas.js'
import { verifierSchema, verifierView } from '../../verifier-views.js'
import { adminErrors, adminOperation } from './schemas.js'

const DEFAULT_LIMIT = '1000'

/** Lists the verifiers of other services. */
export const verifierRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.get(
    '/admin/verifiers',
    {
      schema: {
        ...adminOperation,
        operationId: 'listVerifiers',
        summary: 'List the verifiers that follow the revocations',
        description:
          'The processes of other services that verify tokens themselves, sorted by name: whether each one is connected, ' +
          'and how far it is behind. One that refuses every token is listed for another hour.',
        querystring: bodyOf({
          limit: Type.String({
            pattern: '^([1-9][0-9]{0,2}|1000)$',
            'x-message': 'must be a whole number from 1 to 1000',
            default: DEFAULT_LIMIT,
            description: 'Verifiers per page, 1 to 1000.',
          }),
          cursor: Type.Optional(
            Type.String({ minLength: 1, maxLength: 2048, description: 'The `next_cursor` of the previous page.' }),
          ),
        }),
        response: {
          200: Type.Object(
            {
              verifiers: Type.Array(verifierSchema),
              next_cursor: Type.Unsafe<string | null>({
                type: ['string', 'null'],
                description: 'Null on the last page.',
              }),
            },
            { title: 'VerifierPage', description: 'A page of verifiers.' },
          ),
          ...adminErrors(),
        },
      },
    },
    async request => {
      const { limit, cursor } = request.query
      const { verifiers, nextCursor } = await listVerifiers(context, { cursor, limit: Number(limit) })
      return { verifiers: verifiers.map(verifierView), next_cursor: nextCursor }
    },
  )
}
