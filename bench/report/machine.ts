import { cpus } from 'node:os'
import type { BenchStores } from '../stores/start.js'

/** What a report was measured on, and when. */
export interface Machine {
  day: string
  node: string
  postgres: string
  redis: string
  cpu: string
  cpus: number
}

export function thisMachine({ postgres, redis }: BenchStores): Machine {
  return {
    day: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    postgres: postgres.version,
    redis: redis.version,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpus: cpus().length,
  }
}
