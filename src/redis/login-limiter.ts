import { LatchkeyError } from '../errors.js'
import { type Counters, createCountersWithFallback } from './counters.js'

const WINDOW_MS = 60_000

export interface LoginLimiterOptions {
  enabled: boolean
  ephemeral: Counters
  /** How many failed attempts an account may have in a minute, over all addresses. */
  maxPerMinute: number
  /** Counts while the store is away; by default counters in this process. */
  local?: Counters
}

/** Limits the failed attempts on an account. What it can't count in the store it counts in this process. */
export interface LoginLimiter {
  /**
   * Counts an attempt before its password is hashed, so that attempts at the same time can't all slip through.
   *
   * @throws LatchkeyError `rate_limited` when the account has had too many
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

/** Rounded up, and never zero: trying again at once would be refused again. */
function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}
