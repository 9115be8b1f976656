import { Counter, Gauge } from 'prom-client'
import { DELIVERY_OUTCOMES, deliveryAttempts } from '../lib/measurements.js'
import type { MeasuredBacklog } from '../postgres/deliveries.js'
import { inTime } from './in-time.js'
import type { MetricsOptions } from './sources.js'

/** The events that are sent to webhooks (docs/webhooks.md): the attempts of this instance, and what waits. */
export function measureDeliveries(options: MetricsOptions): void {
  const { registry, onClose } = options
  const attempts = new Counter({
    name: 'latchkey_delivery_attempts_total',
    help: 'Attempts of this instance to send an event to a receiver, by how they ended.',
    labelNames: ['kind', 'outcome'],
    registers: [registry],
  })
  for (const outcome of DELIVERY_OUTCOMES) attempts.inc({ kind: 'webhook', outcome }, 0)
  onClose(deliveryAttempts.listen(({ kind, outcome }) => attempts.inc({ kind, outcome })))
  measureBacklogs(options)
}

/** Read from Postgres at a scrape, with a bound for each receiver. Every instance has the same values: use `max`. */
function measureBacklogs({ registry, context }: MetricsOptions): void {
  const read = inTime(async () => context()?.db.deliveries.measure())
  const gauge = (name: string, help: string, valueIn: (backlog: MeasuredBacklog) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['kind'],
      registers: [registry],
      async collect() {
        const backlogs = await read()
        // Rather no value than an old one.
        this.reset()
        for (const backlog of backlogs ?? []) this.set({ kind: backlog.kind }, valueIn(backlog))
      },
    })
  gauge(
    'latchkey_deliveries_waiting',
    'Events that wait to be sent to enabled receivers, of all instances; up to 10000 are counted for each receiver.',
    ({ waiting }) => waiting,
  )
  gauge(
    'latchkey_deliveries_oldest_seconds',
    'For how long the oldest of these events has waited.',
    ({ oldestSeconds }) => oldestSeconds,
  )
  gauge(
    'latchkey_deliveries_abandoned',
    'Events for enabled receivers that were given up and not replayed; up to 10000 are counted for each receiver.',
    ({ abandoned }) => abandoned,
  )
}
