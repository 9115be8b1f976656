import type { Test } from 'tap'
import { readiness } from '../../src/http/routes/health.js'
import { createMetrics, type Metrics } from '../../src/metrics/metrics.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { readSamples, type Samples } from './samples.js'

export interface MeasuredApp extends TestApp {
  metrics: Metrics
  read(): Promise<Samples>
}

/** The service with metrics, in this process. Instances that are added report to the same metrics. */
export async function measuredApp(t: Test, overrides: NodeJS.ProcessEnv = {}): Promise<MeasuredApp> {
  let metrics: Metrics | undefined
  const test = await buildTestApp(t, overrides, {
    costlyHashes: true,
    prepare(app, { config, stores }) {
      metrics ??= createMetrics(app, { config, ...stores, context: () => app.context, ready: readiness(app, stores) })
    },
  })
  t.teardown(() => metrics!.close())
  return { ...test, metrics: metrics!, read: async () => readSamples(await metrics!.render()) }
}
