import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { setClaims, setMetadata } from '../../../domain/accounts/user-data.js'
import { jsonObject, Type } from '../../schemas.js'
import { examples } from './examples.js'
import { adminErrors, adminOperation, userParams } from './schemas.js'

/** Metadata with white space. */
const METADATA_BODY_LIMIT = 64 * 1024

/** What an application says about a user in tokens, and what it only notes. */
export const userDataRoutes: FastifyPluginAsyncTypebox = async app => {
  app.put(
    '/admin/users/:id/claims',
    {
      config: { revokes: 'for services' },
      schema: {
        ...adminOperation,
        operationId: 'setUserClaims',
        documented: { examples: examples.claims },
        summary: 'Replace the claims of a user',
        description:
          'What access tokens say about the user below `JWT_CLAIMS_NAMESPACE`: at most 1024 bytes of JSON. An empty object ' +
          'removes all. Sessions continue. Access tokens with the old claims are refused with `token_stale` until they are ' +
          'refreshed.',
        params: userParams,
        body: jsonObject('The claims, by their names.'),
        response: {
          204: Type.Null({ description: 'The user has these claims.' }),
          ...adminErrors('user_not_found', 'invalid_claims'),
        },
      },
    },
    async (request, reply) => {
      await setClaims(request.adminContext(), request.params.id, request.body, request.actor)
      return reply.code(204).send(null)
    },
  )

  app.put(
    '/admin/users/:id/metadata',
    {
      bodyLimit: METADATA_BODY_LIMIT,
      schema: {
        ...adminOperation,
        operationId: 'setUserMetadata',
        documented: { examples: examples.metadata },
        summary: 'Replace the metadata of a user',
        description:
          'What your application notes about the user: at most 16 KiB of JSON. An empty object removes it. No token contains ' +
          'it, and the user does not see it; `GET /admin/users/:id` answers with it.',
        params: userParams,
        body: jsonObject('The metadata.'),
        response: {
          204: Type.Null({ description: 'The user has this metadata.' }),
          ...adminErrors('user_not_found', 'invalid_metadata'),
        },
      },
    },
    async (request, reply) => {
      await setMetadata(request.adminContext(), request.params.id, request.body, request.actor)
      return reply.code(204).send(null)
    },
  )
}
