import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { refreshClientSession } from '../../../domain/clients/client-sessions.js'
import { grantClientCredentials } from '../../../domain/clients/client-token.js'
import type { AuthContext } from '../../../domain/context.js'
import { fieldError } from '../../../lib/errors.js'
import { Type } from '../../schemas.js'
import { recordGrant } from '../auth/token-response.js'
import {
  clientOf,
  clientOperation,
  clientRouteOptions,
  examples,
  formOf,
  oauthErrors,
  TOKEN_MAX_LENGTH,
} from './client-authentication.js'

const tokenAnswer = Type.Object(
  {
    access_token: Type.String(),
    token_type: Type.Literal('Bearer'),
    expires_in: Type.Integer({ description: 'Lifetime of the access token, in seconds.' }),
    scope: Type.Optional(Type.String({ description: 'Only for `client_credentials`.' })),
    refresh_token: Type.Optional(Type.String({ description: 'Only for `refresh_token`.' })),
  },
  { title: 'ClientTokenResponse', description: 'The tokens.' },
)

/** Issues tokens to clients: their own, and those of the sessions that they opened (RFC 6749). */
export const tokenRoute: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.post(
    '/oauth/token',
    {
      ...clientRouteOptions(app),
      schema: {
        operationId: 'getToken',
        summary: 'Get an access token',
        description:
          '`client_credentials` returns an access token of the client itself; `refresh_token` returns the next tokens of ' +
          'a session that the client opened.',
        ...clientOperation,
        documented: { ...clientOperation.documented, examples: examples.token },
        body: formOf({
          grant_type: Type.String(),
          scope: Type.Optional(
            Type.String({ description: 'Separated by spaces; by default all scopes of the client.' }),
          ),
          refresh_token: Type.Optional(Type.String({ maxLength: TOKEN_MAX_LENGTH })),
        }),
        response: {
          200: tokenAnswer,
          ...oauthErrors('invalid_grant', 'invalid_scope', 'unauthorized_client', 'unsupported_grant_type'),
        },
      },
    },
    async request => {
      const { grant_type, scope, refresh_token } = request.body
      const client = await clientOf(context, request)
      if (grant_type === 'client_credentials') {
        const { accessToken, accessExpiresInSeconds, scopes } = grantClientCredentials(context, client, scope)
        return { ...bearer(accessToken, accessExpiresInSeconds), scope: scopes.join(' ') }
      }
      if (grant_type !== 'refresh_token')
        throw fieldError('unsupported_grant_type', 'grant_type', 'must be client_credentials or refresh_token')
      if (refresh_token === undefined)
        throw fieldError('invalid_request', 'refresh_token', 'is required for this grant_type')
      const grant = await refreshClientSession(context, client, refresh_token)
      recordGrant(request, grant)
      return { ...bearer(grant.accessToken, grant.accessExpiresInSeconds), refresh_token: grant.refreshToken }
    },
  )
}

function bearer(accessToken: string, expiresInSeconds: number) {
  return { access_token: accessToken, token_type: 'Bearer' as const, expires_in: expiresInSeconds }
}
