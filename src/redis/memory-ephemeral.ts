import { type CountersOptions, createCounters } from './counters.js'
import type { Ephemeral } from './ephemeral.js'
import type { Keys } from './key-names.js'

export interface MemoryEphemeralOptions extends CountersOptions {
  keys: Keys
}

/**
 * {@link Ephemeral} for a single process. It forgets everything when the process ends, which is allowed: Postgres is
 * the truth. Its memory is bounded by the number of live sessions and by `maxCounters`.
 */
export function createMemoryEphemeral({ keys, now = Date.now, ...options }: MemoryEphemeralOptions): Ephemeral {
  const seen = createExpiringMap<number>(now, Math.max)
  const newest = createExpiringMap<{ generation: number; seenAt: number }>(now, (held, given) =>
    held.generation > given.generation || (held.generation === given.generation && held.seenAt > given.seenAt)
      ? held
      : given,
  )

  return {
    ...createCounters({ now, ...options }),

    // A blacklist is for other instances. In a single process there is no other one, and no entry can be missed.
    async publish() {},
    async complete() {},
    follow(listener) {
      const begunAtMs = performance.now()
      const timer = setInterval(() => listener([], begunAtMs, performance.now()), 1000).unref()
      return { listening: Promise.resolve(), stop: async () => clearInterval(timer) }
    },

    async recordActivity(sightings) {
      for (const { sessionId, generation, seenAt } of sightings) {
        seen.set(sessionId, seenAt, seenAt + keys.seenTtlMs)
        newest.set(sessionId, { generation, seenAt }, seenAt + keys.seenTtlMs)
      }
    },

    async lastActivity(sessionIds) {
      const found = new Map<string, number>()
      for (const sessionId of sessionIds) {
        const seenAt = seen.get(sessionId)
        if (seenAt !== undefined) found.set(sessionId, seenAt)
      }
      return found
    },

    async generationLastSeen(sessionId, generation) {
      const held = newest.get(sessionId)
      return held && held.generation >= generation ? held.seenAt : undefined
    },

    // Only this process writes here.
    untrustedCount: 0,
    isConnected: undefined,
    ping: async () => [],

    async close() {
      seen.clear()
      newest.clear()
    },
  }
}

/** Values by name, each kept until a given time. */
export interface ExpiringMap<Value> {
  /** Keeps the value, merged with the one held, and never ends earlier than before (`endsAt` in ms since the epoch). */
  set(name: string, value: Value, endsAt: number): void
  get(name: string): Value | undefined
  /** Includes expired values that are not removed yet. */
  readonly size: number
  clear(): void
}

/** Each write checks two entries, so that expired ones are removed faster than new ones are added. */
const CHECKS_PER_WRITE = 2

/** @param merge what to keep of the value held and a new one */
export function createExpiringMap<Value>(
  now: () => number,
  merge: (held: Value, given: Value) => Value,
): ExpiringMap<Value> {
  const entries = new Map<string, { value: Value; endsAt: number }>()
  let cursor = entries.entries()

  /** Goes through the entries in a circle, a few for each call. A Map's iterator survives changes of the Map. */
  function removeExpired(at: number): void {
    for (let checks = 0; checks < CHECKS_PER_WRITE; checks++) {
      const next = cursor.next()
      if (next.done) {
        cursor = entries.entries()
        return
      }
      const [name, entry] = next.value
      if (at >= entry.endsAt) entries.delete(name)
    }
  }

  return {
    set(name, value, endsAt) {
      const at = now()
      removeExpired(at)
      if (at >= endsAt) return
      const held = entries.get(name)
      if (held === undefined || at >= held.endsAt) entries.set(name, { value, endsAt })
      else entries.set(name, { value: merge(held.value, value), endsAt: Math.max(held.endsAt, endsAt) })
    },
    get(name) {
      const entry = entries.get(name)
      return entry !== undefined && now() < entry.endsAt ? entry.value : undefined
    },
    get size() {
      return entries.size
    },
    clear: () => entries.clear(),
  }
}
