import { METHODS } from 'node:http'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import type { Config } from '../../../config/config.js'
import type { Principal } from '../../../domain/tokens/access-token.js'
import { LatchkeyError } from '../../../lib/errors.js'
import { toLatchkeyError } from '../../errors/to-latchkey-error.js'
import { securityHeadersFor } from '../../plugins/security-headers.js'
import { ANY_REQUEST_ADDRESS, GATEWAY_ADDRESS } from '../../rewrite-url.js'
import { accessTokenErrors, bodyOf, errorResponses, Type } from '../../schemas.js'
import { setIdentityHeaders } from './identity-headers.js'

const oneOrMore = Type.Union([Type.String(), Type.Array(Type.String())])

export type GatewayRoutesOptions = Pick<Config, 'publicOrigin' | 'verifyPreflights'>

/**
 * Whether the access token of a request is good now, for gateways. They ask for each request of every service and log
 * it themselves, so this route stays out of the log, and its empty 200 bears no header that only a browser heeds.
 */
export const gatewayRoutes: FastifyPluginAsyncTypebox<GatewayRoutesOptions> = async (app, options) => {
  const securityHeaders = securityHeadersFor(options.publicOrigin)
  const shared = {
    onRequest: allowPreflights(app.authenticate, options.verifyPreflights),
    errorHandler: (thrown: Error, _request: FastifyRequest, reply: FastifyReply) => {
      // A gateway may hand a refusal to the browser as it is.
      reply.headers(securityHeaders)
      refuseForGateway(thrown)
    },
    // requireRole looks at what does not fit.
    attachValidation: true,
  }
  // A misspelled `role` would let everybody through, so nothing else may be asked.
  const querystring = bodyOf({
    role: Type.Optional(
      Type.Unsafe<string | string[]>({
        ...oneOrMore,
        description: 'The user must have one of these roles. Compared exactly.',
      }),
    ),
  })
  ignoreBodies(app)

  app.get(
    GATEWAY_ADDRESS,
    {
      ...shared,
      schema: {
        summary: 'Verify the access token of a request',
        description:
          'For gateways (ForwardAuth, auth_request, ext_authz). Answers 200, 401, 403 or 503 and nothing else.',
        tags: ['verification'],
        security: [{ bearer: [] }],
        querystring,
        response: {
          200: Type.Null({
            description:
              'X-Auth-Subject, X-Auth-Session and X-Auth-Roles identify the user. X-Auth-Roles has a comma between two ' +
              'roles. In a role, everything except ASCII letters, digits and `_ . : -` is percent-encoded UTF-8: split ' +
              'at the commas first, then decode each role.',
          }),
          ...errorResponses(...accessTokenErrors, 'insufficient_role', 'revocations_stale'),
        },
      },
    },
    (request, reply) => {
      requireRole(request)
      setIdentityHeaders(reply, request.principal).send()
    },
  )

  acceptAnyMethod(app)
  app.all(
    ANY_REQUEST_ADDRESS,
    // The preflights here are those of the service behind the gateway. Ours are not asked for here.
    { ...shared, config: { cors: false }, bodyLimit: ANY_BODY_MAX_BYTES, schema: { hide: true, querystring } },
    (request, reply) => {
      requireRole(request)
      setIdentityHeaders(reply, request.principal).send()
    },
  )
}

/** A body is the service's behind the gateway. Some gateways send its first part along. */
const ANY_BODY_MAX_BYTES = 1 << 30

function ignoreBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null, undefined)
  })
}

/** Also those that Fastify does not know by itself (PROPFIND and so on). */
function acceptAnyMethod(app: FastifyInstance): void {
  for (const method of METHODS)
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method)) app.addHttpMethod(method)
}

/**
 * A browser asks with OPTIONS, and without credentials, whether a page may call another site. Only the service behind the
 * gateway can answer. Such a request is nobody's: the headers that say whose it is are empty.
 */
function allowPreflights(
  authenticate: onRequestHookHandler,
  preflights: Config['verifyPreflights'],
): onRequestHookHandler {
  if (preflights === 'off') return authenticate
  return function (request, reply, done) {
    const { headers } = request
    const method = preflights === 'method' ? request.method : headers['x-forwarded-method']
    const isPreflight =
      method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined
    if (!isPreflight) return authenticate.call(this, request, reply, done)
    setIdentityHeaders(reply, { userId: '', sessionId: '', roles: [] }).send()
  }
}

/**
 * A gateway knows what to do with 401, 403 and 503 and turns anything else into a failure of its own; but what is wrong
 * with a request (a doubled header) is its client's doing.
 */
function refuseForGateway(thrown: Error): never {
  const error = toLatchkeyError(thrown)
  if (error.status >= 500 || error.status === 401 || error.status === 403) throw thrown
  throw new LatchkeyError('token_invalid', { detail: error.message, cause: thrown })
}

/** Refuses who does not hold the role that is asked for, and questions that nobody understands. */
function requireRole(request: FastifyRequest & { principal: Principal; query: unknown }): void {
  const { role } = request.query as { role?: string | string[] }
  if (request.validationError && !isClientsOwnQuery(request))
    throw new LatchkeyError('insufficient_role', { detail: 'The only query parameter allowed here is `role`.' })
  if (role === undefined) return
  const wanted = typeof role === 'string' ? [role] : role
  if (!wanted.some(name => request.principal.roles.includes(name))) throw new LatchkeyError('insufficient_role')
}

/**
 * Whether a gateway passed on the query of its client, who asks us nothing by it. Caddy's forward_auth does so, and says
 * in X-Forwarded-Uri what the client asked for. A query with `role` never counts as one: the gateway may ask the same,
 * and a client that could unask it would get in without the role.
 */
function isClientsOwnQuery({ headers, query, raw }: FastifyRequest): boolean {
  const forwarded = headers['x-forwarded-uri']
  if (typeof forwarded !== 'string' || Object.hasOwn(query as object, 'role')) return false
  return queryOf(forwarded) === queryOf(raw.url!)
}

function queryOf(url: string): string {
  const start = url.indexOf('?')
  return start < 0 ? '' : url.slice(start)
}
