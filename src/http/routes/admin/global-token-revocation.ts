import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { findSubject } from '../../../domain/accounts/find-subject.js'
import { endSessionsOfUser } from '../../../domain/sessions/manage-sessions.js'
import { bodyOf, Type } from '../../schemas.js'
import { examples } from './examples.js'
import { adminErrors, adminOperation } from './schemas.js'

const text = Type.String({ minLength: 1, maxLength: 2048 })
const subjectId = Type.Union([
  bodyOf({ format: Type.Literal('email'), email: text }),
  bodyOf({ format: Type.Literal('iss_sub'), iss: text, sub: text }),
  bodyOf({ format: Type.Literal('opaque'), id: text }),
])

/** Lets the systems of others sign a user out everywhere (draft-parecki-oauth-global-token-revocation). */
export const globalTokenRevocationRoute: FastifyPluginAsyncTypebox = async app => {
  app.post(
    '/global-token-revocation',
    {
      config: { revokes: 'for services' },
      schema: {
        ...adminOperation,
        operationId: 'revokeAllTokensOfUser',
        documented: { examples: examples.globalTokenRevocation },
        summary: 'Revoke all sessions and tokens of a user (Global Token Revocation)',
        description:
          'For security tools and identity providers. `sub_id` names the user (RFC 9493): by the e-mail, by `iss` and ' +
          '`sub` of our tokens, or by the id (`opaque`).',
        body: bodyOf({ sub_id: subjectId }),
        response: {
          204: Type.Null({ description: 'The sessions are revoked.' }),
          ...adminErrors('user_not_found'),
        },
      },
    },
    async (request, reply) => {
      const context = request.adminContext()
      const user = await findSubject(context, request.body.sub_id)
      await endSessionsOfUser(context, user.id, request.actor)
      return reply.code(204).send(null)
    },
  )
}
