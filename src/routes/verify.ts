import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { Principal } from '../auth/principal.js'
import { LatchkeyError } from '../errors.js'
import { bodyOf, errorResponses, Type } from '../plugins/schemas.js'
import { toLatchkeyError } from '../plugins/to-latchkey-error.js'

const oneOrMore = Type.Union([Type.String(), Type.Array(Type.String())])

const verifiedSchema = Type.Object({
  sub: Type.String(),
  sid: Type.String(),
  client_id: Type.String(),
  roles: Type.Array(Type.String()),
  iat: Type.Integer(),
  exp: Type.Integer(),
})

/** Whether an access token is good now: for gateways by GET, for services that hold a token by POST. */
export const verifyRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/auth/verify',
    {
      onRequest: app.authenticate,
      errorHandler: refuseForGateway,
      // A gateway asks for every request of every service, and logs them itself.
      logLevel: 'warn',
      schema: {
        summary: 'Verify the access token of a request',
        description:
          'For gateways (ForwardAuth, auth_request, ext_authz): answers 200, 401, 403 or 503 and nothing else.',
        tags: ['verify'],
        security: [{ bearer: [] }],
        // A misspelled `role` would let everybody through, so nothing else may be asked.
        querystring: bodyOf({
          role: Type.Optional(
            Type.Unsafe<string | string[]>({ ...oneOrMore, description: 'Any of these must be held.' }),
          ),
        }),
        response: {
          200: Type.Null({ description: 'X-Auth-Subject, X-Auth-Session and X-Auth-Roles say whose it is.' }),
          ...errorResponses(
            'authentication_required',
            'token_invalid',
            'token_expired',
            'token_revoked',
            'token_stale',
            'insufficient_role',
            'revocations_stale',
          ),
        },
      },
    },
    async (request, reply) => {
      requireRole(request.principal, request.query.role)
      return withIdentity(reply, request.principal).send()
    },
  )

  app.post(
    '/auth/verify',
    {
      bodyLimit: 8192,
      schema: {
        summary: 'Verify an access token',
        tags: ['verify'],
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
      const principal = await request.verifyAccessToken(request.body.token)
      withIdentity(reply, principal)
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

/**
 * A gateway knows what to do with 401, 403 and 503 and turns anything else into a failure of its own; but what is wrong
 * with a request (a doubled header, too many cookies) is its client's doing.
 */
function refuseForGateway(thrown: Error & { validation?: unknown }): never {
  if (thrown.validation)
    throw new LatchkeyError('insufficient_role', { detail: 'The query may ask for `role` and nothing else.' })
  const error = toLatchkeyError(thrown)
  if (error.status >= 500 || error.status === 401 || error.status === 403) throw thrown
  throw new LatchkeyError('token_invalid', { detail: error.message, cause: thrown })
}

function requireRole(principal: Principal, role: string | string[] | undefined): void {
  if (role === undefined) return
  const wanted = typeof role === 'string' ? [role] : role
  if (!wanted.some(name => principal.roles.includes(name))) throw new LatchkeyError('insufficient_role')
}

/** What a gateway passes on to the service behind it. */
function withIdentity(reply: FastifyReply, { userId, sessionId, roles }: Principal): FastifyReply {
  return reply
    .header('Cache-Control', 'no-store')
    .header('X-Auth-Subject', userId)
    .header('X-Auth-Session', sessionId)
    .header('X-Auth-Roles', roles.join(','))
}
