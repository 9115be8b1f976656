import { type Counters, createCountersWithFallback, rateLimited } from './counters.js'

const WINDOW_MS = 60 * 60 * 1000

/** Limits the letters that people can have sent to one address. While the store does not answer, it counts in this process. */
export interface LetterLimiter {
  /**
   * Counts a letter, whether or not there is an account to send it to.
   *
   * @throws LatchkeyError `rate_limited` when there were too many
   */
  reserve(address: string): Promise<void>
}

export function createLetterLimiter(options: {
  enabled: boolean
  ephemeral: Counters
  maxPerHour: number
}): LetterLimiter {
  const { enabled, ephemeral, maxPerHour } = options
  if (!enabled) return { reserve: async () => {} }
  const counters = createCountersWithFallback(ephemeral)
  return {
    async reserve(address) {
      const { count, resetsInMs } = await counters.hit(`letters:${address}`, WINDOW_MS)
      if (count > maxPerHour) throw rateLimited(`At most ${maxPerHour} letters per hour to one address.`, resetsInMs)
    },
  }
}
