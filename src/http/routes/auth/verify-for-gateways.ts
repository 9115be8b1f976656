import { METHODS } from 'node:http'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Principal } from '@latchkey/verifier/core'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import type { Config } from '../../../config/config.js'
import { LatchkeyError } from '../../../lib/errors.js'
import { toLatchkeyError } from '../../errors/to-latchkey-error.js'
import { securityHeadersFor } from '../../plugins/security-headers.js'
import { VERIFY_ANY_PATH, VERIFY_PATH } from '../../rewrite-url.js'
import { accessTokenErrors, bodyOf, errorResponses, Type } from '../../schemas.js'
import { IDENTITY_HEADERS, setIdentityHeaders } from './identity-headers.js'

const oneOrMore = Type.Union([Type.String(), Type.Array(Type.String())])

export type GatewayRoutesOptions = Pick<Config, 'publicOrigin' | 'verifyPreflights'>

/**
 * Verifies the access token of a request for gateways. They call this for each request of every service and log it
 * themselves, so this route is not logged, and its empty 200 has no headers that only browsers use.
 */
export const gatewayRoutes: FastifyPluginAsyncTypebox<GatewayRoutesOptions> = async (app, options) => {
  const securityHeaders = securityHeadersFor(options.publicOrigin)
  const shared = {
    onRequest: allowPreflights(app.authenticate, options.verifyPreflights),
    errorHandler: (thrown: Error, _request: FastifyRequest, reply: FastifyReply) => {
      // A gateway can pass an error on to the browser unchanged.
      reply.headers(securityHeaders)
      refuseForGateway(thrown)
    },
    // requireRole handles validation errors.
    attachValidation: true,
  }
  // No other parameters: a misspelled `role` would let every user through.
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
    VERIFY_PATH,
    {
      ...shared,
      config: { foreignOrigins: 'ignored' },
      schema: {
        operationId: 'verifyRequest',
        summary: 'Verify the access token of a request',
        description:
          'For gateways (ForwardAuth, auth_request, ext_authz). Answers 200, 401, 403 or 503 and nothing else.',
        tags: ['Verification'],
        documented: { headers: { 200: IDENTITY_HEADERS }, commonErrors: false },
        security: [{ bearer: [] }],
        querystring,
        response: {
          200: Type.Null({ description: 'The token is valid. The headers identify the user.' }),
          ...errorResponses(...accessTokenErrors, 'insufficient_role', 'revocations_stale', 'internal_error'),
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
    VERIFY_ANY_PATH,
    // Preflights on this route belong to the service behind the gateway, so our CORS must not answer them.
    {
      ...shared,
      config: { cors: false, foreignOrigins: 'ignored' },
      bodyLimit: ANY_BODY_MAX_BYTES,
      schema: { hide: true, querystring },
    },
    (request, reply) => {
      requireRole(request)
      setIdentityHeaders(reply, request.principal).send()
    },
  )
}

/** A body is for the service behind the gateway. Some gateways send its first part to us too. */
const ANY_BODY_MAX_BYTES = 1 << 30

function ignoreBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null, undefined)
  })
}

/** Adds the methods that Fastify does not support by default (PROPFIND and others). */
function acceptAnyMethod(app: FastifyInstance): void {
  for (const method of METHODS)
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method)) app.addHttpMethod(method)
}

/**
 * Lets CORS preflights through: browsers send OPTIONS without credentials, and only the service behind the gateway can
 * answer it. The identity headers are empty, because there is no user.
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
 * Turns every error below 500 except 401 and 403 into 401. Gateways understand only 401, 403 and 503 and answer others
 * with an error of their own, but an invalid request (a repeated header) is an error of the client.
 */
function refuseForGateway(thrown: Error): never {
  const error = toLatchkeyError(thrown)
  if (error.status >= 500 || error.status === 401 || error.status === 403) throw thrown
  throw new LatchkeyError('token_invalid', { detail: error.message, cause: thrown })
}

/** Refuses users without any of the required roles, and unknown query parameters. */
function requireRole(request: FastifyRequest & { principal: Principal; query: unknown }): void {
  const { role } = request.query as { role?: string | string[] }
  if (request.validationError && !isClientsOwnQuery(request))
    throw new LatchkeyError('insufficient_role', { detail: 'The only query parameter allowed here is `role`.' })
  if (role === undefined) return
  const wanted = typeof role === 'string' ? [role] : role
  if (!wanted.some(name => request.principal.roles.includes(name))) throw new LatchkeyError('insufficient_role')
}

/**
 * Whether the query comes from the gateway's client and is not meant for us. Caddy's forward_auth passes it on, and sends
 * the client's URL in X-Forwarded-Uri. A query with `role` never counts as the client's: the gateway can require the same
 * role, and a client could otherwise remove that requirement.
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
