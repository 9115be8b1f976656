import type { Registry } from 'prom-client'
import type { Config } from '../config/config.js'
import type { AuthContext } from '../domain/context.js'
import type { ReadyReport } from '../http/routes/health.js'
import type { Database } from '../postgres/database.js'
import type { Ephemeral } from '../redis/ephemeral.js'

/** Where the metrics come from, besides what the layers report (src/lib/measurements.ts). */
export interface MetricSources {
  config: Config
  /** Undefined until the service has started. */
  context(): AuthContext | undefined
  db: Database
  ephemeral: Ephemeral
  ready(): Promise<ReadyReport>
}

/** What every file here needs to add its metrics. */
export interface MetricsOptions extends MetricSources {
  registry: Registry
  /** Adds what must be undone when the metrics are closed. */
  onClose(undo: () => void): void
}
