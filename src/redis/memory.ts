import { type CountersOptions, createCounters } from './counters.js'
import type { Ephemeral } from './ephemeral.js'
import { createExpiring, createExpiringNumbers } from './expiring-numbers.js'
import type { Keys } from './keys.js'

export interface MemoryEphemeralOptions extends CountersOptions {
  keys: Keys
}

/**
 * The ephemeral half of a single process. It forgets everything when the process ends, which it may: Postgres is the
 * truth. Its memory is bounded by the sessions that are alive and by `maxCounters`.
 */
export function createMemoryEphemeral({ keys, now = Date.now, ...options }: MemoryEphemeralOptions): Ephemeral {
  const seen = createExpiringNumbers(now)
  const newest = createExpiring<{ generation: number; seenAt: number }>(now, (held, { generation, seenAt }) =>
    held.generation > generation || (held.generation === generation && held.seenAt > seenAt)
      ? held
      : { generation, seenAt },
  )

  return {
    ...createCounters({ now, ...options }),

    // A blacklist is for other instances. In a single process there is nobody to tell, and nothing can be missed.
    async publish() {},
    async complete() {},
    follow(onNews) {
      const begunAtMs = performance.now()
      const timer = setInterval(() => onNews([], begunAtMs, performance.now()), 1000).unref()
      return { listening: Promise.resolve(), stop: async () => clearInterval(timer) }
    },

    async recordActivity(sightings) {
      for (const { sessionId, generation, seenAt } of sightings) {
        seen.raise(keys.seen(sessionId), seenAt, seenAt + keys.seenTtlMs)
        newest.keep(keys.newestSeen(sessionId), { generation, seenAt }, seenAt + keys.seenTtlMs)
      }
    },

    async lastActivity(sessionIds) {
      const found = new Map<string, number>()
      for (const sessionId of sessionIds) {
        const seenAt = seen.get(keys.seen(sessionId))
        if (seenAt !== undefined) found.set(sessionId, seenAt)
      }
      return found
    },

    async generationLastSeen(sessionId, generation) {
      const held = newest.get(keys.newestSeen(sessionId))
      return held && held.generation >= generation ? held.seenAt : undefined
    },

    // Nobody else writes here.
    untrustedCount: 0,
    ping: async () => [],

    async close() {
      seen.clear()
      newest.clear()
    },
  }
}
