import type { Latency } from '../load/scenario.js'

/** One measurement. */
export interface Sample {
  /** Answered requests a second. */
  rate: number
  /** Milliseconds, in a closed loop. */
  latency: Latency
  /** Microseconds of CPU for each request. */
  cpu?: CpuOfRequest
  /** MB at the end of the measurement. */
  memoryMb?: number
  /** The same requests at a fixed rate; the latency counts from the time at which each was due. */
  open?: { rate: number; latency: Latency }
}

export interface CpuOfRequest {
  server: number
  postgres: number
  redis: number
  generator: number
}
