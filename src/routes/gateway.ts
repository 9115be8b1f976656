import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Principal } from '../auth/principal.js'
import { LatchkeyError } from '../errors.js'
import { accessTokenErrors, bodyOf, errorResponses, Type } from '../plugins/schemas.js'
import { securityHeadersFor } from '../plugins/security-headers.js'
import { toLatchkeyError } from '../plugins/to-latchkey-error.js'
import { withIdentity } from './with-identity.js'

/** Where gateways ask. Its refusals bear the security headers, and its empty 200 does without. */
export const GATEWAY_ADDRESS = '/auth/verify'

const oneOrMore = Type.Union([Type.String(), Type.Array(Type.String())])

export interface GatewayRoutesOptions {
  /** The origin that browsers see this service under. */
  publicOrigin: string
}

/**
 * Whether the access token of a request is good now, for gateways. They ask for each request of every service and log
 * it themselves, so this route stays out of the log, and its empty 200 bears no header that only a browser heeds.
 */
export const gatewayRoutes: FastifyPluginAsyncTypebox<GatewayRoutesOptions> = async (app, { publicOrigin }) => {
  const securityHeaders = securityHeadersFor(publicOrigin)

  app.get(
    GATEWAY_ADDRESS,
    {
      onRequest: app.authenticate,
      errorHandler: (thrown, _request, reply) => {
        // A gateway may hand a refusal to the browser as it is.
        reply.headers(securityHeaders)
        refuseForGateway(thrown)
      },
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
          ...errorResponses(...accessTokenErrors, 'insufficient_role', 'revocations_stale'),
        },
      },
    },
    (request, reply) => {
      requireRole(request.principal, request.query.role)
      withIdentity(reply, request.principal).send()
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
