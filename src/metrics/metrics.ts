import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { measureBuild } from './build.js'
import { measureDeliveries } from './deliveries.js'
import { measureFeed } from './feed.js'
import { measureHealth } from './health.js'
import { measureHttpRequests } from './http-requests.js'
import { measureKeys } from './keys.js'
import { measureMaintenance } from './maintenance.js'
import { measurePasswords } from './passwords.js'
import { measurePostgres } from './postgres.js'
import { measureRedis } from './redis.js'
import { measureRegistrationHook } from './registration-hook.js'
import { measureRevocations } from './revocations.js'
import { measureSecurityEvents } from './security-events.js'
import type { MetricSources, MetricsOptions } from './sources.js'
import { measureTokens } from './tokens.js'

export interface Metrics {
  readonly contentType: string
  /** All metrics in the text format of Prometheus. */
  render(): Promise<string>
  /** The names and descriptions of all metrics, for tests. */
  describe(): Promise<{ name: string; help: string; type: string }[]>
  close(): void
}

/** Creates the metrics. Call it before the first route is registered. */
export function createMetrics(app: FastifyInstance, sources: MetricSources): Metrics {
  const registry = new Registry()
  const undo: (() => void)[] = []
  const options: MetricsOptions = { ...sources, registry, onClose: each => undo.push(each) }
  collectDefaultMetrics({ register: registry })
  measureBuild(options)
  measureHttpRequests(app, options)
  measureTokens(options)
  measureSecurityEvents(options)
  measurePasswords(options)
  measureRevocations(options)
  measureFeed(options)
  measureDeliveries(options)
  measureRegistrationHook(options)
  measurePostgres(options)
  measureRedis(options)
  measureKeys(options)
  measureMaintenance(options)
  measureHealth(options)
  let rendering: Promise<string> | undefined
  return {
    contentType: registry.contentType,
    render() {
      // Scrapes at the same time share one.
      rendering ??= registry.metrics().finally(() => {
        rendering = undefined
      })
      return rendering
    },
    async describe() {
      const metrics = await registry.getMetricsAsJSON()
      return metrics.map(({ name, help, type }) => ({ name, help, type: String(type) }))
    },
    close() {
      for (const each of undo) each()
      registry.clear()
    },
  }
}
