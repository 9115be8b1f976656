import { Counter, Gauge } from 'prom-client'
import { failedRedisCommands, REDIS_COMMANDS } from '../lib/measurements.js'
import { countEach } from './count-each.js'
import type { MetricsOptions } from './sources.js'

/** Redis. The embedded mode has none, and none of these metrics. */
export function measureRedis(options: MetricsOptions): void {
  const { registry, ephemeral } = options
  if (ephemeral.isConnected === undefined) return
  const registers = [registry]
  new Gauge({
    name: 'latchkey_redis_connected',
    help: '1 if there is a connection to Redis.',
    registers,
    collect() {
      this.set(ephemeral.isConnected ? 1 : 0)
    },
  })
  countEach(options, {
    name: 'latchkey_redis_failed_commands_total',
    help: 'Commands that Redis did not answer in time, or answered with an error.',
    label: 'command',
    values: REDIS_COMMANDS,
    reports: failedRedisCommands,
  })
  new Counter({
    name: 'latchkey_redis_untrusted_data_total',
    help: 'How often Redis contained data that this service did not write.',
    registers,
    collect() {
      this.reset()
      this.inc(ephemeral.untrustedCount)
    },
  })
}
