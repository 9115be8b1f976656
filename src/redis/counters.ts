import { type Concerns, LatchkeyError } from '../lib/errors.js'
import type { Ephemeral, Hits } from './ephemeral.js'
import { counterDigest } from './key-names.js'

/** The counters of {@link Ephemeral}, which limits need. */
export type Counters = Pick<Ephemeral, 'hit' | 'unhit'>

export interface CountersOptions {
  /** Milliseconds since the epoch. */
  now?: () => number
  /** The largest number of counters at a time. */
  maxCounters?: number
}

interface Counter {
  count: number
  endsAt: number
}

/**
 * Counters in the memory of this process. When there are too many, those whose window has ended are removed first, then
 * the lowest, the oldest of them first. So an attacker who invents thousands of names removes the counters of invented
 * names, and not the counter that is about to stop the attack.
 */
export function createCounters({ now = Date.now, maxCounters = 100_000 }: CountersOptions = {}): Counters {
  const counters = new Map<string, Counter>()

  function find(digest: string, at: number): Counter | undefined {
    const counter = counters.get(digest)
    if (counter === undefined || at < counter.endsAt) return counter
    // A Map keeps the place of a key that is set again, and the order tells which counter is the oldest.
    counters.delete(digest)
    return undefined
  }

  function makeRoom(at: number): void {
    for (const [digest, { endsAt }] of counters) if (at >= endsAt) counters.delete(digest)
    // Makes room for one in a hundred: to go through all of them for each new counter would be slow.
    let surplus = counters.size - maxCounters + Math.ceil(maxCounters / 100)
    for (let lowest = 0; surplus > 0; lowest++) {
      for (const [digest, { count }] of counters) {
        if (surplus <= 0) return
        if (count > lowest) continue
        counters.delete(digest)
        surplus--
      }
    }
  }

  return {
    async hit(name, windowMs): Promise<Hits> {
      const at = now()
      const digest = counterDigest(name)
      let counter = find(digest, at)
      if (!counter) {
        if (counters.size >= maxCounters) makeRoom(at)
        counter = { count: 0, endsAt: at + windowMs }
        counters.set(digest, counter)
      }
      counter.count++
      return { count: counter.count, resetsInMs: counter.endsAt - at }
    },

    async unhit(name) {
      const counter = find(counterDigest(name), now())
      if (counter && counter.count > 0) counter.count--
    },
  }
}

/**
 * Counters that always count: those of the store while it answers, otherwise counters in this process. A limit over
 * them then holds for each instance by itself, which is looser than for all together, but it holds. Neither method
 * rejects.
 *
 * @param local - counts while the store does not answer; by default counters of its own
 */
export function createCountersWithFallback(store: Counters, local: Counters = createCounters()): Counters {
  return {
    hit: (counter, windowMs) => store.hit(counter, windowMs).catch(() => local.hit(counter, windowMs)),
    unhit: counter => store.unhit(counter).catch(() => local.unhit(counter)),
  }
}

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
      // The same for a name without an account.
      const limit = `At most ${maxPerMinute} failed sign-ins per minute with one sign-in name.`
      if (count > maxPerMinute) throw rateLimited(limit, resetsInMs)
    },
    forgive: account => counters.unhit(counterName(account)),
  }
}

function counterName(account: string): string {
  return `failures:${account}`
}

/**
 * The error above a limit.
 *
 * @param limit which limit it is, as a sentence
 */
export function rateLimited(limit: string, resetsInMs: number, concerns: Concerns = {}): LatchkeyError {
  // Rounded up, and never 0: an immediate retry would be refused again.
  const seconds = Math.max(1, Math.ceil(resetsInMs / 1000))
  const detail = `${limit} Wait ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`
  return new LatchkeyError('rate_limited', { detail, retryAfterSeconds: seconds, concerns })
}
