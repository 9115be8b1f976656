import type { Server } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyHttpOptions, type FastifyInstance } from 'fastify'
import { pino } from 'pino'
import type { Test } from 'tap'
import type { Config } from '../../src/config/config.js'
import { authCookies } from '../../src/http/plugins/auth-cookies.js'
import { cors } from '../../src/http/plugins/cors.js'
import { csrf } from '../../src/http/plugins/csrf.js'
import { foreignOrigins } from '../../src/http/plugins/foreign-origins.js'
import { openapi } from '../../src/http/plugins/openapi.js'
import { notFound, problemDetails } from '../../src/http/plugins/problem-details.js'
import { requestGuard } from '../../src/http/plugins/request-guard.js'
import { requestId } from '../../src/http/plugins/request-id.js'
import { requestLog } from '../../src/http/plugins/request-log.js'
import { responseTimeout } from '../../src/http/plugins/response-timeout.js'
import { securityHeaders } from '../../src/http/plugins/security-headers.js'
import { sentCookies } from '../../src/http/plugins/sent-cookies.js'
import { bodyOf, errorResponses, Type } from '../../src/http/schemas.js'
import { fastifyOptions } from '../../src/server/fastify-options.js'
import { loggerOptions } from '../../src/server/logging.js'

export interface ToyAppOptions {
  publicOrigin?: string
  publicPath?: string
  nodeEnv?: Config['nodeEnv']
  corsOrigins?: string[]
  trustProxy?: string[]
  cookie?: Partial<Config['cookie']>
  /** Overrides options of the server, for example with timeouts short enough for a test. */
  server?: Partial<FastifyHttpOptions<Server>>
  /** How long an answer may wait for a client that does not read it. */
  timeoutMs?: number
  /** Adds routes before the app is ready. */
  routes?: (app: FastifyInstance) => void
}

export const cookieDefaults: Config['cookie'] = {
  name: '__Host-latchkey',
  accessName: '__Host-latchkey-at',
  deviceName: '__Host-latchkey-device',
  ticketName: '__Host-latchkey-ticket',
  domain: undefined,
  path: '/',
  sameSite: 'strict',
  secure: true,
  access: false,
}

/**
 * An app with the HTTP plugins of the service, and without its routes and stores. `POST /echo` answers with the body
 * that it accepted. The log is in `lines`.
 */
export async function buildToyApp(t: Test, options: ToyAppOptions = {}) {
  const { publicOrigin = 'https://auth.example.com', publicPath = '', corsOrigins = [], trustProxy = [] } = options
  const { nodeEnv = 'test' } = options
  const cookie = { ...cookieDefaults, ...options.cookie }
  const cookieNames = [cookie.name, cookie.accessName]
  const lines: string[] = []
  const log = pino(loggerOptions('debug'), { write: (line: string) => void lines.push(line) })
  const app = fastify({
    ...fastifyOptions({ trustProxy, publicOrigin, publicPath, keepAliveTimeoutMs: 72_000 }),
    ...options.server,
  }).withTypeProvider<TypeBoxTypeProvider>()
  t.teardown(() => app.close())

  app.log = log
  await app.register(problemDetails, { log })
  await app.register(requestId)
  await app.register(requestLog, { log })
  await app.register(responseTimeout, { timeoutMs: options.timeoutMs ?? 30_000 })
  await app.register(securityHeaders, { publicOrigin })
  await app.register(cors, { corsOrigins })
  await app.register(foreignOrigins, { publicOrigin, corsOrigins, nodeEnv, log })
  await app.register(requestGuard)
  await app.register(sentCookies, { cookie })
  await app.register(authCookies, {
    cookie,
    publicOrigin,
    publicPath,
    isOwnToken: token => token.startsWith('own'),
    slotOf: () => '000',
  })
  await app.register(csrf, { publicOrigin, corsOrigins, cookieNames, nodeEnv })
  await app.register(notFound)
  await app.register(openapi, { publicUrl: publicOrigin + publicPath, publicPath, cookieName: cookie.name })
  app.post('/echo', { schema: echoSchema }, async request => request.body)
  app.get('/thing/:id', async request => ({ id: (request.params as { id: string }).id }))
  options.routes?.(app as unknown as FastifyInstance)
  await app.ready()
  return { app, lines, log }
}

const echoSchema = {
  body: bodyOf({
    email: Type.String({ maxLength: 254 }),
    password: Type.Optional(Type.String()),
    remember: Type.Optional(Type.Boolean()),
  }),
  response: {
    200: Type.Object({ email: Type.String() }),
    ...errorResponses('invalid_request', 'invalid_json', 'unsupported_media_type'),
  },
}
