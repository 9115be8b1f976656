import { type Counters, createCounters } from './counters.js'

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
