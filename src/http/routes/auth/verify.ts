import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { AuthContext } from '../../../domain/context.js'
import { verifyAccessToken } from '../../../domain/tokens/verify-access-token.js'
import { recordConcerns } from '../../request-facts.js'
import { bodyOf, errorResponses, Type } from '../../schemas.js'
import { IDENTITY_HEADERS, setIdentityHeaders } from './identity-headers.js'

const verifiedSchema = Type.Object(
  {
    sub: Type.String({ description: 'The id of the user.' }),
    sid: Type.String({ description: 'The id of the session.' }),
    client_id: Type.String({ description: 'The client that opened the session; `latchkey` if the user did.' }),
    roles: Type.Array(Type.String()),
    iat: Type.Integer({ description: 'When the token was issued, in seconds since 1970.' }),
    exp: Type.Integer({ description: 'When the token expires, in seconds since 1970.' }),
  },
  { title: 'VerifiedToken', description: 'The token is valid. These are its claims.' },
)

/** Verifies an access token in the body. Gateways use GET: see verify-for-gateways.ts. */
export const verifyRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.post(
    '/auth/verify',
    {
      bodyLimit: 8192,
      schema: {
        operationId: 'verifyAccessToken',
        summary: 'Verify an access token',
        description: 'For services. Reads no store. Gateways use `GET /auth/verify`.',
        tags: ['Verification'],
        documented: { headers: { 200: IDENTITY_HEADERS } },
        body: bodyOf({ token: Type.String({ minLength: 1, maxLength: 4096 }) }),
        response: {
          200: verifiedSchema,
          ...errorResponses(
            'invalid_request',
            'token_invalid',
            'token_expired',
            'token_revoked',
            'token_stale',
            'revocations_stale',
          ),
        },
      },
    },
    async (request, reply) => {
      const principal = await verifyAccessToken(context, request.body.token)
      recordConcerns(request, principal)
      setIdentityHeaders(reply, principal)
      return {
        sub: principal.userId,
        sid: principal.sessionId,
        client_id: principal.clientId,
        roles: [...principal.roles],
        iat: principal.issuedAt,
        exp: principal.expiresAt,
      }
    },
  )
}
