import { setTimeout as sleep } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Config } from '../config/config.js'
import { configWarnings } from '../config/warnings.js'
import { codeOf } from '../lib/error-facts.js'
import { buildApp } from './app.js'
import { startLog } from './logging.js'
import { openStores, type Stores } from './open-stores.js'

/** How long connections that are in use may take to meet their last answer after the listener closed. */
const CONNECTIONS_TIMEOUT_MS = 1_000
/** How long open requests may take to end after that; one that hangs is cut then. */
const REQUESTS_TIMEOUT_MS = 15_000
/** How long the stores may take to close after that. With all the waits it stays below the 30 s of Kubernetes. */
const STORES_TIMEOUT_MS = 5_000

/**
 * Runs the service until a signal ends it: opens the stores, listens, and on SIGTERM first stops being ready, then
 * listens no more, then ends what is open, then closes the stores. SIGINT, from a person at a terminal, skips the wait.
 *
 * @throws Error that tells an operator what keeps it from starting
 */
export async function serve(config: Config): Promise<void> {
  const log = startLog(config.logLevel)
  for (const warning of configWarnings(config, process.env)) log.warn(warning)

  let onLost = () => {}
  const stores = await openStores(config, { log, onLost: () => onLost() })
  try {
    const app = await listen(config, stores, log)
    onLost = endBySignal(app, stores, config)
    announceStart(app, config)
  } catch (error) {
    await stores.close()
    throw error
  }
}

async function listen(config: Config, stores: Stores, log: FastifyBaseLogger): Promise<FastifyInstance> {
  const { host, port } = config
  const app = await buildApp(config, stores, { log })
  try {
    await app.listen({ host, port })
    return app
  } catch (error) {
    await app.close()
    throw explainListenError(error, host, port)
  }
}

/** @returns ends the service because a store is gone for good */
function endBySignal(app: FastifyInstance, stores: Stores, { shutdownDelayMs }: Config): () => void {
  let isLost = false
  const delay = shutdownDelayMs + CONNECTIONS_TIMEOUT_MS + REQUESTS_TIMEOUT_MS + STORES_TIMEOUT_MS
  const ending = closeWithGrace({ delay, logger: app.log }, async ({ signal, err }) => {
    if (err) app.log.fatal({ err }, 'the service ends')
    else app.log.info(`${signal ?? 'the loss of a store'} ends the service`)
    app.drain()
    if (signal === 'SIGTERM') {
      await sleep(shutdownDelayMs)
      await app.stopListening(CONNECTIONS_TIMEOUT_MS)
    }
    const cut = setTimeout(() => app.server.closeAllConnections(), REQUESTS_TIMEOUT_MS)
    await app.close()
    clearTimeout(cut)
    await stores.close()
    // Anyone who restarts what failed must learn that this did.
    if (isLost) process.exit(1)
  })
  return () => {
    isLost = true
    ending.close()
  }
}

function announceStart(app: FastifyInstance, config: Config): void {
  if (config.mode === 'embedded')
    app.log.info(
      `embedded: Postgres and secrets are in ${config.dataDir}, the rest in memory; for one process, not for production`,
    )
  app.log.info(`ready at ${config.publicUrl}; its API is described at ${config.publicUrl}/docs`)
}

function explainListenError(error: unknown, host: string, port: number): unknown {
  const sentence = LISTEN_ERRORS[codeOf(error)]
  return sentence === undefined ? error : new Error(sentence(host, port), { cause: error })
}

const LISTEN_ERRORS: Partial<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) => `Port ${port} of ${host} is in use: end what uses it, or set PORT to another.`,
  EACCES: (_host, port) => `Port ${port} is not open to this user: set PORT to one above 1023.`,
  EADDRNOTAVAIL: host => `${host} is not an address of this machine: correct HOST.`,
  ENOTFOUND: host => `${host} is not a known name: correct HOST.`,
}
