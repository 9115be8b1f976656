import { Gauge } from 'prom-client'
import type { MetricsOptions } from './sources.js'

/** The keys that sign access tokens. */
export function measureKeys({ registry, config, context }: MetricsOptions): void {
  const registers = [registry]
  const ages = () => {
    const { keyring, clock } = context() ?? {}
    return clock && keyring?.ages(clock())
  }
  new Gauge({
    name: 'latchkey_signing_key_age_seconds',
    help: 'For how long the present key has signed access tokens.',
    registers,
    collect() {
      const { signsSinceMs } = ages() ?? {}
      if (signsSinceMs === undefined) this.remove()
      else this.set(Math.max(0, (context()!.clock() - signsSinceMs) / 1000))
    },
  })
  new Gauge({
    name: 'latchkey_signing_key_next_rotation_timestamp_seconds',
    help: 'When the next signing key is due. It is made within an hour, and signs ten minutes later.',
    registers,
    collect() {
      const { newestMadeMs } = ages() ?? {}
      if (newestMadeMs === undefined) this.remove()
      else this.set(newestMadeMs / 1000 + config.keyRotationIntervalSeconds)
    },
  })
}
