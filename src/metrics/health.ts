import { Gauge } from 'prom-client'
import type { ReadyReport } from '../http/routes/health.js'
import type { MetricsOptions } from './sources.js'

/** The problems that GET /readyz names. */
const PROBLEMS = ['postgres', 'redis', 'redis-eviction', 'redis-untrusted', 'redis-rights', 'redis-writes', 'clock']

/** What GET /readyz says. */
export function measureHealth({ registry, ready }: MetricsOptions): void {
  const registers = [registry]
  let report: Promise<ReadyReport> | undefined
  // Both metrics of a scrape are from one report.
  const readOnce = () => {
    report ??= ready().finally(() => {
      report = undefined
    })
    return report
  }
  new Gauge({
    name: 'latchkey_ready',
    help: '1 if this instance can take requests (GET /readyz).',
    registers,
    async collect() {
      this.set((await readOnce()).ready ? 1 : 0)
    },
  })
  new Gauge({
    name: 'latchkey_degraded',
    help: '1 for each problem of this instance that GET /readyz names.',
    labelNames: ['problem'],
    registers,
    async collect() {
      const found = await readOnce()
      for (const problem of PROBLEMS) this.set({ problem }, found.ready && found.degraded.includes(problem) ? 1 : 0)
    },
  })
}
