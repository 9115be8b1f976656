import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { encodedRole } from '../../../domain/accounts/roles.js'
import type { AuthContext } from '../../../domain/context.js'
import type { Principal } from '../../../domain/tokens/access-token.js'
import { verifyAccessToken } from '../../../domain/tokens/verify-access-token.js'
import { bodyOf, errorResponses, Type } from '../../schemas.js'

const verifiedSchema = Type.Object({
  sub: Type.String(),
  sid: Type.String(),
  client_id: Type.String(),
  roles: Type.Array(Type.String()),
  iat: Type.Integer(),
  exp: Type.Integer(),
})

/** Verifies an access token in the body. Gateways use GET: see gateway.ts. */
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

/** Sets the headers that a gateway passes on to the service. (Fastify does not copy names in lower case again.) */
export function setIdentityHeaders(
  reply: FastifyReply,
  { userId, sessionId, roles }: Pick<Principal, 'userId' | 'sessionId' | 'roles'>,
): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .header('x-auth-subject', userId)
    .header('x-auth-session', sessionId)
    .header('x-auth-roles', rolesHeader(roles))
}

/** Separated by commas. Nearly always no role needs encoding, which one check of the joined text finds out. */
function rolesHeader(roles: readonly string[]): string {
  const joined = roles.join(',')
  return NEEDS_NO_ENCODING.test(joined) ? joined : roles.map(encodedRole).join(',')
}

const NEEDS_NO_ENCODING = /^[A-Za-z0-9_.:,-]*$/
