import { createRequire } from 'node:module'
import { Gauge } from 'prom-client'
import type { MetricsOptions } from './sources.js'

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

export function measureBuild({ registry, config }: MetricsOptions): void {
  new Gauge({
    name: 'latchkey_build_info',
    help: 'Always 1. The labels say which version runs, and in which mode.',
    labelNames: ['version', 'mode'],
    registers: [registry],
  }).set({ version, mode: config.mode }, 1)
}
