import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { AuthContext } from '../../../domain/context.js'
import { verifyAccessToken } from '../../../domain/tokens/verify-access-token.js'
import { recordConcerns } from '../../request-facts.js'
import { bodyOf, errorResponses, Type } from '../../schemas.js'
import { setIdentityHeaders } from './identity-headers.js'

const verifiedSchema = Type.Object({
  sub: Type.String(),
  sid: Type.String(),
  client_id: Type.String(),
  roles: Type.Array(Type.String()),
  iat: Type.Integer(),
  exp: Type.Integer(),
})

/** Verifies an access token in the body. Gateways use GET: see verify-for-gateways.ts. */
export const verifyRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.post(
    '/auth/verify',
    {
      bodyLimit: 8192,
      schema: {
        summary: 'Verify an access token',
        tags: ['verification'],
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
