import { Gauge, Histogram } from 'prom-client'
import { appliedRevocations, REVOCATION_WAYS } from '../lib/measurements.js'
import type { MetricsOptions } from './sources.js'

/** The list of revocations of this instance: how old it is, and how fast revocations reach it. */
export function measureRevocations({ registry, config, context, onClose }: MetricsOptions): void {
  const registers = [registry]
  const propagation = new Histogram({
    name: 'latchkey_revocation_propagation_seconds',
    help: 'The time from the writing of a revocation to its effect in this instance, by the clock of the database.',
    labelNames: ['way'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30],
    registers,
  })
  for (const way of REVOCATION_WAYS) propagation.zero({ way })
  onClose(
    appliedRevocations.listen(({ way, agesSeconds }) => {
      for (const age of agesSeconds) propagation.observe({ way }, age)
    }),
  )
  new Gauge({
    name: 'latchkey_revocation_list_staleness_seconds',
    help: 'How old the list of revocations is. Above REVOCATION_MAX_STALENESS, every token is refused.',
    registers,
    collect() {
      const asOfMs = context()?.revocations.asOfMs ?? Number.NEGATIVE_INFINITY
      // In an alert, a list that was never read is older than any limit.
      this.set(Math.max(0, (performance.now() - asOfMs) / 1000))
    },
  })
  new Gauge({
    name: 'latchkey_revocation_list_max_staleness_seconds',
    help: 'The setting REVOCATION_MAX_STALENESS.',
    registers,
  }).set(config.revocationMaxStalenessSeconds)
  new Gauge({
    name: 'latchkey_revocation_list_usable',
    help: '1 if the list of revocations is recent enough to verify tokens; 0 if every token is refused.',
    registers,
    collect() {
      this.set(context()?.revocations.fresh ? 1 : 0)
    },
  })
  new Gauge({
    name: 'latchkey_revocations_held',
    help: 'How many revocations are in memory.',
    registers,
    collect() {
      this.set(context()?.revocations.list.size ?? 0)
    },
  })
}
