import { LRUCache } from 'lru-cache'

/** Lets an event through that was not let through lately. */
export interface EventThrottle {
  allows(what: string): boolean
}

const WINDOW_MS = 10 * 60 * 1000
const MAX_KEPT = 10_000

/**
 * For events that anybody can cause again and again with the same old token: the owner reads one of them in ten minutes
 * from each instance, and not three hundred a minute.
 */
export function createEventThrottle(): EventThrottle {
  const lately = new LRUCache<string, true>({ max: MAX_KEPT, ttl: WINDOW_MS })
  return {
    allows(what) {
      if (lately.has(what)) return false
      lately.set(what, true)
      return true
    },
  }
}
