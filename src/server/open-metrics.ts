import type { FastifyInstance } from 'fastify'
import type { Config } from '../config/config.js'
import { readiness } from '../http/routes/health.js'
import type { Log } from '../lib/log.js'
import { createMetrics, type Metrics } from '../metrics/metrics.js'
import { serveMetrics } from '../metrics/serve-metrics.js'
import { listenAt } from './listen-errors.js'
import type { Stores } from './open-stores.js'

export interface OpenedMetrics {
  /** Called before the first route is registered. */
  prepare(app: FastifyInstance): void
  /** Listens on METRICS_PORT until the app closes. */
  listen(): Promise<void>
}

/** The metrics of the service, and their server. This file is loaded only if METRICS_PORT is set. */
export function openMetrics(config: Config, stores: Stores, log: Log): OpenedMetrics {
  let app: FastifyInstance
  let metrics: Metrics
  return {
    prepare(given) {
      app = given
      metrics = createMetrics(app, { config, ...stores, context: () => app.context, ready: readiness(app, stores) })
    },
    async listen() {
      const address = config.metrics!
      const names = { host: 'METRICS_HOST', port: 'METRICS_PORT' }
      const server = await listenAt(() => serveMetrics(metrics, { ...address, log }), { ...address, names })
      app.addHook('onClose', () => server.close())
    },
  }
}
