import type { Server } from 'node:http'
import AjvCompiler from '@fastify/ajv-compiler'
import { type Serializer, type SerializerFactory, SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import { type FastifyHttpOptions, type FastifyInstance, LogController } from 'fastify'
import type { Config } from '../config/config.js'
import { type FailureOptions, sendFailure } from '../http/compat/envelope/answers.js'
import { answerClientError, sendProblem } from '../http/errors/problem.js'
import { toLatchkeyError } from '../http/errors/to-latchkey-error.js'
import { newRequestIds, REQUEST_ID_HEADER, requestIds } from '../http/plugins/request-id.js'
import { securityHeadersFor } from '../http/plugins/security-headers.js'
import { routedUrl, withoutPublicPath } from '../http/rewrite-url.js'
import { inNetworks } from '../lib/ip-address.js'

/**
 * The options of Fastify. The limits and the timeouts (in milliseconds) hold unless a route sets its own.
 *
 * @param envelope if the envelope API is on
 */
export function fastifyOptions(
  config: Pick<Config, 'trustProxy' | 'publicOrigin' | 'publicPath' | 'keepAliveTimeoutMs'>,
  envelope?: FailureOptions,
): FastifyHttpOptions<Server> {
  const securityHeaders = securityHeadersFor(config.publicOrigin)
  const { publicPath } = config
  // A function instead of the networks: Fastify would find an address with a port (`10.0.0.7:41234`, as some proxies
  // write it) in no network, and would then take a trusted proxy for the client.
  const trustProxy = config.trustProxy.length > 0 && inNetworks(config.trustProxy)
  const newId = newRequestIds()
  const envelopePrefix = envelope?.envelope.prefix
  return {
    // plugins/request-log.ts logs the requests.
    logger: false,
    logController: new LogController({ disableRequestLogging: true }),
    // Fastify would keep every client's header; plugins/request-id.ts keeps that of a trusted proxy.
    requestIdHeader: false,
    genReqId: requestIds(trustProxy, newId),
    trustProxy,

    // Most services have no PUBLIC_PATH. They do not search for one in each request.
    rewriteUrl:
      publicPath === ''
        ? ({ method, url }) => routedUrl(method!, url!)
        : ({ method, url }) => routedUrl(method!, withoutPublicPath(url!, publicPath, envelopePrefix)),

    // Far more than the longest password. A route that needs more sets its own `bodyLimit`.
    bodyLimit: 4096,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    // Unknown fields and wrong types are refused, never removed or converted. Query values stay strings.
    ajv: { customOptions: VALIDATION },
    schemaController: { compilersFactory: { buildValidator: validators, buildSerializer: serializers } },
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, maxParamLength: 128 },

    // The headers, and then the whole request, must arrive within these times, also on a connection that never sends
    // anything. Node checks every second. plugins/response-timeout.ts closes connections whose client does not read the
    // answer. plugins/request-guard.ts refuses a request without a host, with a problem as the body.
    http: {
      headersTimeout: 10_000,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 32_768,
      requireHostHeader: false,
    },
    requestTimeout: 15_000,
    // Longer than the gateway keeps idle connections; otherwise it would send requests on connections that just closed.
    keepAliveTimeout: config.keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
    // Requests that arrive on an open connection during the shutdown are served normally.
    return503OnClosing: false,

    frameworkErrors: (thrown, request, reply) => {
      const error = toLatchkeyError(thrown)
      const res = { statusCode: error.status }
      request.server.log.info({ reqId: request.id, code: error.code, req: request, res }, 'request refused')
      reply.headers(securityHeaders).header(REQUEST_ID_HEADER, request.id)
      if (envelope && request.url.startsWith(`${envelopePrefix}/`)) sendFailure(reply, error, envelope)
      else sendProblem(reply, error)
    },
    clientErrorHandler(this: FastifyInstance, error, socket) {
      const id = newId()
      answerClientError(error, socket, { id, headers: { ...securityHeaders, [REQUEST_ID_HEADER]: id }, log: this.log })
    },
  }
}

/**
 * All errors at once, so that a form can show each beside its field. That is affordable, because bodies and URLs are
 * short and every pattern takes linear time. `verbose` gives the errors what our messages need
 * (http/errors/schema-messages.ts).
 */
const VALIDATION = {
  removeAdditional: false,
  coerceTypes: false,
  useDefaults: true,
  allErrors: true,
  verbose: true,
  keywords: ['x-message'],
}

const compilerFor = SerializerSelector()
const compiled = new Map<string, Serializer>()

/**
 * Fastify's own serializers, but each schema is compiled only once in a process. Nearly all routes share the schema of
 * the error responses; otherwise a start would compile it hundreds of times.
 */
export const serializers: SerializerFactory = (sharedSchemas, options) => {
  const compile = compilerFor(sharedSchemas, options)
  const scope = JSON.stringify([sharedSchemas, options])
  return route => {
    const key = scope + JSON.stringify(route.schema)
    const serializer = compiled.get(key) ?? compile(route)
    compiled.set(key, serializer)
    return serializer
  }
}

const validatorCompilerFor = AjvCompiler()
type ValidatorFactory = AjvCompiler.BuildCompilerFromPool
type ValidatorCompiler = ReturnType<ValidatorFactory>
const validatorOf = new Map<string, ReturnType<ValidatorCompiler>>()

/** Fastify's own validators, each compiled only once in a process: tests build the service hundreds of times. */
export const validators: ValidatorFactory = (sharedSchemas, options) => {
  const compile = validatorCompilerFor(sharedSchemas, options)
  const scope = JSON.stringify([sharedSchemas, options])
  return route => {
    // Fastify passes the route; the type says that it is the schema.
    const key = scope + JSON.stringify((route as { schema: unknown }).schema)
    const validator = validatorOf.get(key) ?? compile(route)
    validatorOf.set(key, validator)
    return validator
  }
}
