import { Counter, Gauge } from 'prom-client'
import { refusedHashes } from '../lib/measurements.js'
import type { MetricsOptions } from './sources.js'

/** The queue for password hashes. */
export function measurePasswords({ registry, config, context, onClose }: MetricsOptions): void {
  const registers = [registry]
  new Gauge({
    name: 'latchkey_password_hashes_running',
    help: 'Password hashes that are computed now.',
    registers,
    collect() {
      this.set(context()?.passwords.running ?? 0)
    },
  })
  new Gauge({
    name: 'latchkey_password_hashes_waiting',
    help: 'Password hashes that wait for a core.',
    registers,
    collect() {
      const { pending = 0, running = 0 } = context()?.passwords ?? {}
      this.set(pending - running)
    },
  })
  new Gauge({
    name: 'latchkey_password_hashes_waiting_max',
    help: 'How many password hashes can wait (HASH_QUEUE); known browsers have as many places again.',
    registers,
  }).set(config.hash.queue)
  const refused = new Counter({
    name: 'latchkey_password_hashes_refused_total',
    help: 'Requests that were answered 503 busy because the queue for password hashes was full.',
    registers,
  })
  onClose(refusedHashes.listen(() => refused.inc()))
}
