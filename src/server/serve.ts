import { setTimeout as sleep } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Config } from '../config/config.js'
import { configWarnings } from '../config/warnings.js'
import type { EmbeddedPostgres, EmbeddedPostgresOptions } from '../embedded-postgres/start.js'
import type { Log } from '../lib/log.js'
import type { TraceCall } from '../lib/trace-call.js'
import { readTracingSettings } from '../tracing/settings.js'
import type { Tracing } from '../tracing/tracing.js'
import { listenAt } from './listen-errors.js'
import { startLog } from './logging.js'
import type { Stores } from './open-stores.js'
import { isForPeople } from './pretty-log.js'
import { startMessages } from './start-messages.js'

/** How long connections in use have, after the listener was closed, until their last answer. */
const CONNECTIONS_TIMEOUT_MS = 1_000
/** How long open requests have after that. Then their connections are closed. */
const REQUESTS_TIMEOUT_MS = 15_000
/** How long the stores have to close after that. All times together stay below the 30 s of Kubernetes. */
const STORES_TIMEOUT_MS = 5_000

/**
 * Runs the service until it receives a signal: opens the stores and listens. On SIGTERM it reports that it is not ready,
 * waits for SHUTDOWN_DELAY, stops listening, finishes the open requests, and closes the stores. SIGINT, which a person
 * at a terminal sends, skips the wait.
 *
 * @throws Error that tells an operator why it cannot start
 */
export async function serve(config: Config): Promise<void> {
  const messages = isForPeople(config.logFormat) ? startMessages(config) : undefined
  messages?.starting()
  // Without the variables of OpenTelemetry, nothing of it is loaded.
  const tracingSettings = readTracingSettings(process.env)
  const tracing = tracingSettings && (await (await import('../tracing/tracing.js')).openTracing(tracingSettings))
  const log = startLog(config, tracing?.logFields)
  for (const warning of configWarnings(config, process.env)) log.warn(warning)

  const started = endStartBySignal(log)
  let onLost = () => {}
  const stores = await openStoresEarly(config, { log, trace: tracing?.trace, onLost: () => onLost() })
  try {
    const app = await listen(config, stores, log, tracing)
    started()
    onLost = stopBySignal(app, stores, config)
    if (messages) messages.ready()
    else announceStart(app, config)
  } catch (error) {
    await stores.close()
    throw error
  }
}

/**
 * Starts the embedded Postgres first: it needs some time, in which this process loads the rest of its code. Loading
 * before its program runs would delay that, because both need this thread.
 */
async function openStoresEarly(
  config: Config,
  { log, trace, onLost }: { log: Log; trace: TraceCall | undefined; onLost: () => void },
): Promise<Stores> {
  let onSpawned = () => {}
  const isSpawned = new Promise<void>(resolve => {
    onSpawned = resolve
  })
  const postgres = config.mode === 'embedded' ? startPostgres(config, { log, onExit: onLost, onSpawned }) : undefined
  // If it fails, that is handled where it is awaited, after the imports.
  if (postgres) await Promise.race([isSpawned, postgres.catch(() => {})])
  try {
    const [{ openStores }] = await Promise.all([import('./open-stores.js'), import('./app.js')])
    return await openStores(config, { log, trace, postgres })
  } catch (error) {
    await (await postgres?.catch(() => undefined))?.stop()
    throw error
  }
}

async function startPostgres(
  { dataDir }: Config,
  options: Omit<EmbeddedPostgresOptions, 'dataDir'>,
): Promise<EmbeddedPostgres> {
  const { startEmbeddedPostgres } = await import('../embedded-postgres/start.js')
  return startEmbeddedPostgres({ ...options, dataDir })
}

async function listen(
  config: Config,
  stores: Stores,
  log: FastifyBaseLogger,
  tracing: Tracing | undefined,
): Promise<FastifyInstance> {
  const { host, port } = config
  const { buildApp } = await import('./app.js')
  // Without METRICS_PORT, nothing of the metrics is loaded.
  const metrics = config.metrics && (await import('./open-metrics.js')).openMetrics(config, stores, log)
  const app = await buildApp(config, stores, {
    log,
    trace: tracing?.trace,
    prepare(app) {
      tracing?.prepare(app, log)
      metrics?.prepare(app)
    },
  })
  try {
    await metrics?.listen()
    await listenAt(() => app.listen({ host, port }), { host, port, names: { host: 'HOST', port: 'PORT' } })
    return app
  } catch (error) {
    await app.close()
    throw error
  }
}

/**
 * Ends the start on a signal. In a container, where this is the first process, a signal without a handler has no effect: a
 * pod would wait for its whole grace period.
 *
 * @returns a function that ends this, when the service has started
 */
function endStartBySignal(log: Log): () => void {
  const signals = { SIGINT: 130, SIGTERM: 143 } as const
  const handlers = Object.entries(signals).map(([signal, code]) => {
    const handler = () => {
      log.info(`${signal} ends the start`)
      // Nothing is lost: a migration is one transaction, and the embedded Postgres stops with this process.
      process.exit(code)
    }
    process.once(signal, handler)
    return () => process.off(signal, handler)
  })
  return () => {
    for (const remove of handlers) remove()
  }
}

/** @returns a function that stops the service because a store is lost */
function stopBySignal(app: FastifyInstance, stores: Stores, { shutdownDelayMs }: Config): () => void {
  let isLost = false
  const delay = shutdownDelayMs + CONNECTIONS_TIMEOUT_MS + REQUESTS_TIMEOUT_MS + STORES_TIMEOUT_MS
  const stopping = closeWithGrace({ delay, logger: app.log }, async ({ signal, err }) => {
    if (err) app.log.fatal({ err }, 'the service stops')
    else app.log.info(`${signal ?? 'the loss of a store'} stops the service`)
    app.drain(signal === 'SIGTERM' ? shutdownDelayMs : 0)
    if (signal === 'SIGTERM') {
      await sleep(shutdownDelayMs)
      await app.stopListening(CONNECTIONS_TIMEOUT_MS)
    }
    const cutOff = setTimeout(() => app.server.closeAllConnections(), REQUESTS_TIMEOUT_MS)
    await app.close()
    clearTimeout(cutOff)
    await stores.close()
    // The exit code tells the supervisor to restart the service.
    if (isLost) process.exit(1)
  })
  return () => {
    isLost = true
    stopping.close()
  }
}

function announceStart(app: FastifyInstance, config: Config): void {
  if (config.mode === 'embedded')
    app.log.info(
      `embedded mode: Postgres and the secrets are in ${config.dataDir}, everything else in memory; for one process, not for production`,
    )
  app.log.info(`ready at ${config.publicUrl}; its API is described at ${config.publicUrl}/docs`)
}
