import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { revokeToken } from '../../../domain/clients/revoke-token.js'
import type { AuthContext } from '../../../domain/context.js'
import { recordConcerns } from '../../request-facts.js'
import { Type } from '../../schemas.js'
import {
  clientOf,
  clientOperation,
  clientRouteOptions,
  formOf,
  hintField,
  oauthErrors,
  tokenField,
} from './client-authentication.js'

/** Revokes a token for the client that holds it (RFC 7009). */
export const revokeRoute: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.post(
    '/oauth/revoke',
    {
      ...clientRouteOptions(app, { revokes: 'for services' }),
      schema: {
        operationId: 'revokeToken',
        summary: 'Revoke a token',
        description:
          'A refresh token is revoked with its session; an access token is revoked alone. For an unknown token, or a ' +
          'token of another client, the response is the same.',
        ...clientOperation,
        body: formOf({ token: tokenField, token_type_hint: hintField }),
        response: {
          200: Type.Null({ description: 'The token is revoked if it belongs to the client.' }),
          ...oauthErrors(),
        },
      },
    },
    async (request, reply) => {
      const client = await clientOf(context, request)
      recordConcerns(request, (await revokeToken(context, client, request.body.token)) ?? {})
      return sendEmpty(reply)
    },
  )
}

/** Sends no body. With the type of the response schema, TypeScript would require `null`, which is sent as JSON. */
function sendEmpty(reply: FastifyReply): FastifyReply {
  return reply.code(200).send()
}
