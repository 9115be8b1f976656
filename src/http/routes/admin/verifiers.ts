import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { AuthContext } from '../../../domain/context.js'
import { Type } from '../../schemas.js'
import { verifierSchema, verifierView } from '../../verifier-views.js'
import { adminErrors, adminOperation } from './schemas.js'

/** More processes than one deployment has. */
const MOST_LISTED = 5000

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
        response: {
          200: Type.Object(
            { verifiers: Type.Array(verifierSchema) },
            { title: 'VerifierList', description: 'The verifiers.' },
          ),
          ...adminErrors(),
        },
      },
    },
    async () => ({ verifiers: (await context.db.receipts.list(MOST_LISTED)).map(verifierView) }),
  )
}
