import type { Server } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyHttpOptions, type FastifyInstance } from 'fastify'
import type { Config } from '../config/config.js'
import type { AuthContext } from '../domain/context.js'
import { isOwnRefreshToken } from '../domain/tokens/examine-refresh-token.js'
import { slotOf } from '../domain/tokens/refresh-token.js'
import { type AccountPageOptions, accountPageRoutes } from '../http/account/account-page.js'
import { envelopeRoutes } from '../http/compat/envelope/envelope.js'
import { compatSessionRoutes } from '../http/compat/sessions/compat-sessions.js'
import { simpleJwtRoutes } from '../http/compat/simple-jwt/simple-jwt.js'
import { authCookies } from '../http/plugins/auth-cookies.js'
import { authenticate, recheckAfterBody } from '../http/plugins/authenticate.js'
import { authenticateClients } from '../http/plugins/authenticate-clients.js'
import { cors } from '../http/plugins/cors.js'
import { csrf } from '../http/plugins/csrf.js'
import { drain, drainLongRequests } from '../http/plugins/drain.js'
import { foreignOrigins } from '../http/plugins/foreign-origins.js'
import { openapi } from '../http/plugins/openapi.js'
import { notFound, problemDetails } from '../http/plugins/problem-details.js'
import { rateLimit } from '../http/plugins/rate-limit.js'
import { receipts } from '../http/plugins/receipts.js'
import { requestGuard } from '../http/plugins/request-guard.js'
import { requestId } from '../http/plugins/request-id.js'
import { requestLog } from '../http/plugins/request-log.js'
import { responseTimeout } from '../http/plugins/response-timeout.js'
import { securityHeaders } from '../http/plugins/security-headers.js'
import { sentCookies } from '../http/plugins/sent-cookies.js'
import { VERIFY_PATH } from '../http/rewrite-url.js'
import { adminRoutes } from '../http/routes/admin/admin.js'
import { accountRoutes } from '../http/routes/auth/account.js'
import { activityRoutes } from '../http/routes/auth/activity.js'
import { eventRoutes } from '../http/routes/auth/events.js'
import { letterRoutes } from '../http/routes/auth/letters.js'
import { profileRoutes } from '../http/routes/auth/profile.js'
import { refreshRoutes } from '../http/routes/auth/refresh.js'
import { resetPasswordRoutes } from '../http/routes/auth/reset-password.js'
import { revocationFeedRoutes } from '../http/routes/auth/revocations.js'
import { sessionRoutes } from '../http/routes/auth/sessions.js'
import { signInRoutes } from '../http/routes/auth/sign-in.js'
import { verifyRoutes } from '../http/routes/auth/verify.js'
import { gatewayRoutes } from '../http/routes/auth/verify-for-gateways.js'
import { doctorRoutes } from '../http/routes/doctor.js'
import { healthRoutes, readiness } from '../http/routes/health.js'
import { oauthRoutes } from '../http/routes/oauth/oauth.js'
import { rootRoutes } from '../http/routes/root.js'
import { signalRoutes } from '../http/routes/signals/signals.js'
import { wellKnownRoutes } from '../http/routes/well-known.js'
import type { TraceCall } from '../lib/trace-call.js'
import type { Database } from '../postgres/database.js'
import type { Ephemeral } from '../redis/ephemeral.js'
import { type OpenContext, openContext } from './create-context.js'
import { fastifyOptions } from './fastify-options.js'
import { startLog } from './logging.js'

/** The stores that the app uses. The caller that opened them closes them after the app. */
export interface AppStores {
  db: Database
  ephemeral: Ephemeral
}

export interface AppOptions {
  /** Milliseconds since the epoch. */
  clock?: () => number
  /** By default a context over the stores is opened. With this one, the stores are not touched until a request is. */
  context?: OpenContext
  /** Overrides for a service that another application serves (src/library/mount.ts). */
  server?: Pick<FastifyHttpOptions<Server>, 'trustProxy' | 'genReqId'>
  /** Called before the first plugin is registered, so that its hooks see every route and every request. */
  prepare?: (app: FastifyInstance) => void
  /** A pino log with the options of logging.ts; by default it writes to standard output at LOG_LEVEL. */
  log?: FastifyBaseLogger
  /** Makes a span of each request to an issuer. */
  trace?: TraceCall | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The argument of the functions of src/domain. */
    context: AuthContext
  }
}

/**
 * Builds the service: every registration, in the order in which they handle a request. When this resolves, the journal
 * is read, a signing key exists, and the app can listen or be injected into.
 */
export async function buildApp(config: Config, stores: AppStores, options: AppOptions = {}): Promise<FastifyInstance> {
  const { log = startLog(config), clock, server, trace } = options
  const app = Fastify({
    ...fastifyOptions(config, config.dialects.includes('envelope') ? config : undefined),
    ...server,
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.log = log
  options.prepare?.(app)
  const context = options.context ?? (await openContext(config, { ...stores, log, eventLog: log, clock, trace }))
  app.decorate('context', context)
  app.addHook('onClose', () => context.close())

  const { name, accessName, deviceName } = config.cookie
  const cookieNames = config.cookie.access ? [accessName, deviceName] : [deviceName]
  await app.register(problemDetails, { log })
  await app.register(requestId)
  await app.register(securityHeaders, { ...config, except: VERIFY_PATH })
  await app.register(drain)
  // Before every plugin that can refuse a request: a page cannot read a refusal without the CORS headers.
  await app.register(cors, config)
  await app.register(foreignOrigins, { ...config, log })
  await app.register(requestGuard)
  await app.register(sentCookies, config)
  await app.register(authenticate, { context })
  // Not the whole configuration: Fastify takes `logLevel` and `prefix` of these options for its own.
  const { publicUrl, publicPath, publicOrigin, verifyPreflights, issuer, algorithm, accountPage } = config
  const { registration, passwordMinLength, accountDeletionDelaySeconds } = config
  const isSent: AccountPageOptions['isSent'] = type => context.db.eventReceivers.isNamed(type)
  const pageSettings = { publicPath, registration, passwordMinLength, accountDeletionDelaySeconds, isSent }
  await app.register(openapi, { publicUrl, publicPath, cookieName: name })

  // Two separate contexts: a gateway asks at every request of every service, so its routes run without the hooks of the
  // other routes.
  await app.register(gatewayRoutes, { publicOrigin, verifyPreflights })
  await app.register(api)
  return app

  async function api(app: FastifyInstance) {
    await app.register(requestLog, { log })
    await app.register(drainLongRequests)
    await app.register(responseTimeout, { timeoutMs: 30_000 })
    await app.register(authCookies, { ...config, isOwnToken: token => isOwnRefreshToken(context, token), slotOf })
    await app.register(csrf, { ...config, cookieNames })
    await app.register(rateLimit, { rateLimit: config.rateLimit, ephemeral: stores.ephemeral })
    await app.register(notFound)
    await app.register(recheckAfterBody, { context })
    await app.register(authenticateClients, { context })
    await app.register(receipts, { context })

    // In the trial mode somebody has just started the service, and sees at the account page that it works.
    const page = accountPage.enabled && config.mode === 'embedded' ? '/account' : '/docs'
    await app.register(rootRoutes, { publicUrl, publicPath, hasAccountPage: accountPage.enabled, page })
    if (accountPage.enabled) await app.register(accountPageRoutes, { ...accountPage, ...pageSettings })
    await app.register(healthRoutes, { ready: readiness(app, stores) })
    await app.register(doctorRoutes, { context })
    await app.register(wellKnownRoutes, { issuer, publicUrl, publicPath, algorithm, keyring: context.keyring })
    await app.register(signInRoutes, { context })
    await app.register(resetPasswordRoutes, { context })
    await app.register(letterRoutes, { context })
    await app.register(refreshRoutes, { context })
    await app.register(verifyRoutes, { context })
    await app.register(profileRoutes, { context })
    await app.register(accountRoutes, { context })
    await app.register(sessionRoutes, { context })
    await app.register(eventRoutes, { context })
    await app.register(revocationFeedRoutes, { context })
    await app.register(activityRoutes, { context })
    if (config.dialects.includes('simple-jwt')) await app.register(simpleJwtRoutes, { prefix: '/api/token', context })
    if (config.dialects.includes('sessions')) await app.register(compatSessionRoutes, { context })
    if (config.dialects.includes('envelope'))
      await app.register(envelopeRoutes, { prefix: config.envelope.prefix, context })
    await app.register(oauthRoutes, { context })
    await app.register(adminRoutes, { context })
    await app.register(signalRoutes, { context })
  }
}
