import { cpus } from 'node:os'
import { createHistogram } from 'node:perf_hooks'
import { argon2id } from '../../src/domain/passwords/argon2id.js'
import type { Sample } from '../measure/sample.js'

const PASSWORD = 'a passphrase nobody would guess'

/** How many passwords this machine verifies in a second, with the parameters of the service, on every core. */
export async function hashRate(seconds: number): Promise<Sample> {
  const hash = await argon2id.hash(PASSWORD)
  const histogram = createHistogram()
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1000
  let count = 0
  await Promise.all(
    cpus().map(async () => {
      while (performance.now() < endsAt) {
        const from = performance.now()
        await argon2id.verify(hash, PASSWORD)
        histogram.record(Math.max(1, Math.round((performance.now() - from) * 1000)))
        count++
      }
    }),
  )
  const elapsedSeconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const ms = (quantile: number) => histogram.percentile(quantile) / 1000
  return {
    rate: count / elapsedSeconds,
    latency: { p50: ms(50), p99: ms(99), p999: ms(99.9), max: histogram.max / 1000 },
    cpu: { server: (user + system) / count, postgres: 0, redis: 0, generator: 0 },
  }
}
