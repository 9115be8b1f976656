import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { isOwnRefreshToken } from './auth/choose-refresh-token.js'
import type { AuthContext } from './auth/context.js'
import { slotOf } from './auth/refresh-token.js'
import type { Config } from './config/config.js'
import type { Database } from './db/database.js'
import { sessionsDialectRoutes } from './dialects/sessions/routes.js'
import { simpleJwtRoutes } from './dialects/simple-jwt/routes.js'
import { fastifyOptions } from './fastify-options.js'
import { openContext } from './open-context.js'
import { authenticate } from './plugins/authenticate.js'
import { authenticateClients } from './plugins/authenticate-clients.js'
import { cors } from './plugins/cors.js'
import { crossSite } from './plugins/cross-site.js'
import { cutStalled } from './plugins/cut-stalled.js'
import { drain, drainLongRequests } from './plugins/drain.js'
import { startLog } from './plugins/logger-options.js'
import { notFound } from './plugins/not-found.js'
import { openapi } from './plugins/openapi.js'
import { problemDetails } from './plugins/problem-details.js'
import { rateLimit } from './plugins/rate-limit.js'
import { recheckAfterBody } from './plugins/recheck-after-body.js'
import { refreshCookie } from './plugins/refresh-cookie.js'
import { requestGuard } from './plugins/request-guard.js'
import { requestLog } from './plugins/request-log.js'
import { securityHeaders } from './plugins/security-headers.js'
import { sentCookies } from './plugins/sent-cookies.js'
import type { Ephemeral } from './redis/ephemeral.js'
import { adminRoutes } from './routes/admin.js'
import { eventRoutes } from './routes/events.js'
import { gatewayRoutes } from './routes/gateway.js'
import { GATEWAY_ADDRESS } from './routes/gateway-address.js'
import { healthRoutes } from './routes/health.js'
import { oauthRoutes } from './routes/oauth.js'
import { profileRoutes } from './routes/profile.js'
import { readiness } from './routes/readiness.js'
import { refreshRoutes } from './routes/refresh.js'
import { resetPasswordRoutes } from './routes/reset-password.js'
import { sessionRoutes } from './routes/sessions.js'
import { signInRoutes } from './routes/sign-in.js'
import { verifyRoutes } from './routes/verify.js'
import { wellKnownRoutes } from './routes/well-known.js'

/** What the app needs of the stores; the caller that opened them closes them, after the app. */
export interface AppStores {
  db: Database
  ephemeral: Ephemeral
}

export interface AppOptions {
  /** Milliseconds since the epoch. */
  clock?: () => number
  /** One of pino's, made with our options; by default one at LOG_LEVEL to standard output. */
  log?: FastifyBaseLogger
}

declare module 'fastify' {
  interface FastifyInstance {
    /** What the routes hand to the verbs of src/auth. */
    context: AuthContext
  }
}

/**
 * Builds the service: every registration, in the order in which they work on a request. It is ready to listen, or to be
 * injected into, when this resolves: the journal is read and a signing key is at hand.
 */
export async function buildApp(config: Config, stores: AppStores, options: AppOptions = {}): Promise<FastifyInstance> {
  const { log = startLog(config.logLevel), clock } = options
  const app = Fastify(fastifyOptions(config)).withTypeProvider<TypeBoxTypeProvider>()
  app.log = log
  const context = await openContext(config, { ...stores, log, clock })
  app.decorate('context', context)
  app.addHook('onClose', () => context.close())

  const { name, accessName, deviceName } = config.cookie
  const cookieNames = config.cookie.access ? [accessName, deviceName] : [deviceName]
  await app.register(problemDetails, { log })
  await app.register(securityHeaders, { ...config, except: GATEWAY_ADDRESS })
  await app.register(drain)
  // Before whatever may refuse: a page can't read a refusal without the headers of CORS.
  await app.register(cors, config)
  await app.register(requestGuard)
  await app.register(sentCookies, config)
  await app.register(authenticate, { context })
  const { publicUrl, publicPath } = config
  await app.register(openapi, { publicUrl, publicPath, cookieName: name })

  // Side by side, so that what works on the requests of people does not hold up the gateway's, which come with every
  // request of every service.
  await app.register(gatewayRoutes, config)
  await app.register(api)
  return app

  async function api(app: FastifyInstance) {
    await app.register(requestLog, { log })
    await app.register(drainLongRequests)
    await app.register(cutStalled, { patienceMs: 30_000 })
    await app.register(refreshCookie, { ...config, isOwnToken: token => isOwnRefreshToken(context, token), slotOf })
    await app.register(crossSite, { ...config, cookieNames })
    await app.register(rateLimit, { rateLimit: config.rateLimit, ephemeral: stores.ephemeral })
    await app.register(notFound)
    await app.register(recheckAfterBody, { context })
    await app.register(authenticateClients, { context })

    await app.register(healthRoutes, { ready: readiness(app, stores) })
    await app.register(wellKnownRoutes, { ...config, keyring: context.keyring })
    await app.register(signInRoutes, { context })
    await app.register(resetPasswordRoutes, { context })
    await app.register(refreshRoutes, { context })
    await app.register(verifyRoutes, { context })
    await app.register(profileRoutes, { context })
    await app.register(sessionRoutes, { context })
    await app.register(eventRoutes, { context })
    if (config.dialects.includes('simple-jwt')) await app.register(simpleJwtRoutes, { prefix: '/api/token', context })
    if (config.dialects.includes('sessions')) await app.register(sessionsDialectRoutes, { context })
    await app.register(oauthRoutes, { context })
    await app.register(adminRoutes, { context })
  }
}
