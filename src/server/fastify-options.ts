import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { type Serializer, type SerializerFactory, SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import { type FastifyHttpOptions, LogController } from 'fastify'
import type { Config } from '../config/config.js'
import { answerClientError } from '../http/errors/client-error.js'
import { sendProblem } from '../http/errors/problem.js'
import { toLatchkeyError } from '../http/errors/to-latchkey-error.js'
import { securityHeadersFor } from '../http/plugins/security-headers.js'
import { routedUrl, withoutPublicPath } from '../http/rewrite-url.js'
import { inNetworks } from '../lib/ip-address.js'

/** The options of the server itself: every limit and timeout written out. Times are milliseconds. */
export function fastifyOptions(
  config: Pick<Config, 'trustProxy' | 'publicOrigin' | 'publicPath' | 'keepAliveTimeoutMs'>,
): FastifyHttpOptions<Server> {
  const securityHeaders = securityHeadersFor(config.publicOrigin)
  const { publicPath } = config
  return {
    // plugins/request-log.ts does it.
    logger: false,
    logController: new LogController({ disableRequestLogging: true }),
    // An id from a header would let a client write into the log.
    requestIdHeader: false,
    genReqId: requestIds(),
    // Not the networks themselves: Fastify would take an address with a port (`10.0.0.7:41234`, as some proxies write it)
    // for none of them, and a trusted proxy for the client of everybody behind it.
    trustProxy: config.trustProxy.length > 0 ? inNetworks(config.trustProxy) : false,

    // Most have no PUBLIC_PATH, and are not to look for one in each request.
    rewriteUrl:
      publicPath === ''
        ? request => routedUrl(request.url!)
        : request => routedUrl(withoutPublicPath(request.url!, publicPath)),

    // A route that takes more says so (`bodyLimit`). The longest password fits many times.
    bodyLimit: 4096,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    // Neither strip what we do not know nor bend what has another type: refuse both. Query values stay strings.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: true, allErrors: false } },
    schemaController: { compilersFactory: { buildSerializer: serializers } },
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, maxParamLength: 128 },

    // Headers and then the whole request must have arrived by these, also on a connection that never says anything; Node
    // looks every second. Answers that nobody takes are cut by http/plugins/response-timeout.ts. A request without a host is refused
    // by plugins/request-guard.ts, with a body and headers.
    http: {
      headersTimeout: 10_000,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 32_768,
      requireHostHeader: false,
    },
    requestTimeout: 15_000,
    // Longer than a gateway keeps its own, or it would send a request into a connection that just closed.
    keepAliveTimeout: config.keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
    // What arrives on an open connection while the service ends is served like all before it.
    return503OnClosing: false,

    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply.headers(securityHeaders), toLatchkeyError(error))
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, securityHeaders),
  }
}

const compilerFor = SerializerSelector()
const compiled = new Map<string, Serializer>()

/**
 * What Fastify serialises answers with by itself, but each schema is compiled once a process. Nearly all routes share the
 * schema of their refusals: without this a start compiles it hundreds of times.
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

/** Makes ids that no other process makes: a random one for the process, counted on. A new one costs next to nothing. */
function requestIds(): () => string {
  const process = randomUUID().slice(0, 24)
  let count = 0
  return () => process + (count++).toString(16).padStart(12, '0')
}
