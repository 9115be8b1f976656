import type { Ephemeral, Hits } from './ephemeral.js'
import { counterDigest } from './keys.js'

/** The counting half of {@link Ephemeral}, which limits need. */
export type Counters = Pick<Ephemeral, 'hit' | 'unhit'>

export interface CountersOptions {
  /** Milliseconds since the epoch. */
  now?: () => number
  /** How many counters there may be at a time. */
  maxCounters?: number
}

interface Counter {
  count: number
  endsAt: number
}

interface Names {
  all: Set<string>
  /**
   * Goes through them once, in the order they came, and what it has passed was removed. Beginning anew each time would
   * cost a step for every name that was removed since the set was last tidied up.
   */
  fromOldest: Iterator<string, undefined>
}

/** Sweeping goes through all counters, so it is done now and then, and more often when room is needed. */
const SWEEP_INTERVAL_MS = 60_000
const SWEEP_INTERVAL_WHEN_FULL_MS = 1000

/**
 * Counters in the memory of this process. When there are too many, those go first whose window has ended, then the
 * lowest, the oldest of them first: anyone who invents names by the thousand pushes out inventions of his own, not the
 * counter that is about to stop him.
 */
export function createCounters({ now = Date.now, maxCounters = 100_000 }: CountersOptions = {}): Counters {
  const counters = new Map<string, Counter>()
  /** The names of each count, so that the lowest is at hand without a search. */
  const namesByCount = new Map<number, Names>()
  let sweptAt = Number.NEGATIVE_INFINITY

  function file(name: string, counter: Counter): void {
    let names = namesByCount.get(counter.count)
    if (!names) {
      const all = new Set<string>()
      names = { all, fromOldest: all.values() }
      namesByCount.set(counter.count, names)
    }
    names.all.add(name)
  }

  function unfile(name: string, { count }: Counter): void {
    const names = namesByCount.get(count)
    names?.all.delete(name)
    if (names?.all.size === 0) namesByCount.delete(count)
  }

  function add(name: string, counter: Counter, change: number): void {
    unfile(name, counter)
    counter.count += change
    file(name, counter)
  }

  function remove(name: string, counter: Counter): void {
    unfile(name, counter)
    counters.delete(name)
  }

  function live(name: string, at: number): Counter | undefined {
    const counter = counters.get(name)
    if (!counter || at < counter.endsAt) return counter
    remove(name, counter)
    return undefined
  }

  function makeRoom(at: number): void {
    const isFull = () => counters.size >= maxCounters
    if (at - sweptAt >= (isFull() ? SWEEP_INTERVAL_WHEN_FULL_MS : SWEEP_INTERVAL_MS)) {
      sweptAt = at
      for (const [name, counter] of counters) if (at >= counter.endsAt) remove(name, counter)
    }
    if (isFull()) removeLowest()
  }

  function removeLowest(): void {
    const oldest = namesByCount.get(Math.min(...namesByCount.keys()))?.fromOldest.next().value
    if (oldest !== undefined) remove(oldest, counters.get(oldest)!)
  }

  return {
    async hit(name, windowMs): Promise<Hits> {
      const at = now()
      const digest = counterDigest(name)
      let counter = live(digest, at)
      if (!counter) {
        makeRoom(at)
        counter = { count: 0, endsAt: at + windowMs }
        counters.set(digest, counter)
      }
      add(digest, counter, 1)
      return { count: counter.count, resetsInMs: counter.endsAt - at }
    },

    async unhit(name) {
      const digest = counterDigest(name)
      const counter = live(digest, now())
      if (counter && counter.count > 0) add(digest, counter, -1)
    },
  }
}

/**
 * Counters that always count: those of the store while it answers, else counters in this process. A limit over them
 * then holds for each instance by itself, which is looser than for all together, but holds. Neither method rejects.
 *
 * @param local - counts while the store is away; by default counters of its own
 */
export function createLastingCounters(store: Counters, local: Counters = createCounters()): Counters {
  return {
    hit: (counter, windowMs) => store.hit(counter, windowMs).catch(() => local.hit(counter, windowMs)),
    unhit: counter => store.unhit(counter).catch(() => local.unhit(counter)),
  }
}
