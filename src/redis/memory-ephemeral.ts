import { type CountersOptions, createCounters } from './counters.js'
import type { Ephemeral } from './ephemeral.js'
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

/** Looking at two old entries for each one written, the dead ones go faster than new ones come. */
const LOOKS_PER_WRITE = 2

/** Numbers under names, each kept until an instant (ms since the epoch). */
export interface ExpiringNumbers extends Pick<Expiring<number>, 'get' | 'size' | 'clear'> {
  /** Sets a number and its end, but lowers neither. */
  raise(name: string, value: number, endsAt: number): void
}

/** Values under names, each kept until an instant (ms since the epoch). */
export interface Expiring<Value> {
  /** Keeps a value, or what it makes of it and the one held, at least until an instant. */
  keep(name: string, value: Value, endsAt: number): void
  get(name: string): Value | undefined
  /** How many are held, dead ones that are not cleared away yet included. */
  readonly size: number
  clear(): void
}

export function createExpiringNumbers(now: () => number): ExpiringNumbers {
  const numbers = createExpiring<number>(now, Math.max)
  return {
    raise: numbers.keep,
    get: numbers.get,
    get size() {
      return numbers.size
    },
    clear: numbers.clear,
  }
}

/** @param merge what to keep of the value held and a new one */
export function createExpiring<Value>(now: () => number, merge: (held: Value, value: Value) => Value): Expiring<Value> {
  const entries = new Map<string, { value: Value; endsAt: number }>()
  let cursor = entries.entries()

  /** Goes round and round, a few steps at a time. A Map's iterator survives changes of the Map. */
  function sweep(at: number): void {
    for (let looks = 0; looks < LOOKS_PER_WRITE; looks++) {
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
    keep(name, value, endsAt) {
      const at = now()
      sweep(at)
      if (at >= endsAt) return
      const held = entries.get(name)
      const alive = held !== undefined && at < held.endsAt
      entries.set(
        name,
        alive ? { value: merge(held.value, value), endsAt: Math.max(held.endsAt, endsAt) } : { value, endsAt },
      )
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
