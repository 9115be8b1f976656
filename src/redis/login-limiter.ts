import { LatchkeyError } from '../lib/errors.js'
import { type Counters, createCountersWithFallback } from './counters.js'

const WINDOW_MS = 60_000

export interface LoginLimiterOptions {
  enabled: boolean
  ephemeral: Counters
  /** The largest number of failed attempts on an account in a minute, from all addresses together. */
  maxPerMinute: number
  /** Counts while the store does not answer; by default counters of its own in this process. */
  local?: Counters
}

/** Limits the failed attempts on an account. While the store does not answer, it counts in this process. */
export interface LoginLimiter {
  /**
   * Counts an attempt before its password is hashed, so that simultaneous attempts cannot all pass.
   *
   * @throws LatchkeyError `rate_limited` when there were too many
   */
  reserve(account: string): Promise<void>
  /** Takes the attempt back after the right password: only failures count. */
  forgive(account: string): Promise<void>
}

export function createLoginLimiter({ enabled, ephemeral, maxPerMinute, local }: LoginLimiterOptions): LoginLimiter {
  if (!enabled) return { reserve: async () => {}, forgive: async () => {} }
  const counters = createCountersWithFallback(ephemeral, local)

  return {
    async reserve(account) {
      const { count, resetsInMs } = await counters.hit(counterName(account), WINDOW_MS)
      if (count > maxPerMinute) throw new LatchkeyError('rate_limited', { retryAfterSeconds: wholeSeconds(resetsInMs) })
    },
    forgive: account => counters.unhit(counterName(account)),
  }
}

function counterName(account: string): string {
  return `failures:${account}`
}

/** Rounded up, and never 0: an immediate retry would be refused again. */
function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}
