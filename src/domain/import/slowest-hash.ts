import { argon2id } from '../passwords/argon2id.js'
import { schemeOf, UNUSABLE_HASH } from '../passwords/hash-formats.js'
import type { HashCost } from '../passwords/password-scheme.js'

export interface SlowestHash extends HashCost {
  tookMs: number
}

/** How long one verification of a hash takes here, in milliseconds. */
export type HashMeasurement = (storedHash: string) => Promise<number>

/**
 * Finds out which of the hashes that are imported is the slowest to verify. What a hash says of its costs tells only
 * which of one function is: so the costliest of each function is kept, and these, at most eight, are measured.
 */
export function slowestHashFinder(measure: HashMeasurement = timeVerification) {
  const costliest = new Map<string, HashCost & { storedHash: string }>()
  return {
    /** Takes note of a hash that can be verified. */
    see(storedHash: string): void {
      if (storedHash === UNUSABLE_HASH) return
      const cost = schemeOf(storedHash).scheme.costOf(storedHash)
      // What costs no more than the hashes made here takes no longer than they do.
      if (cost.name.startsWith('argon2') && cost.work <= argon2id.ownWork) return
      if (cost.work > (costliest.get(cost.name)?.work ?? 0)) costliest.set(cost.name, { ...cost, storedHash })
    },

    /** Undefined if there is none that could be slower than those made here. */
    async find(): Promise<SlowestHash | undefined> {
      let slowest: SlowestHash | undefined
      for (const { storedHash, ...cost } of costliest.values()) {
        // Some damage shows only then, and the hash takes no time.
        const tookMs = await measure(storedHash).catch(() => 0)
        if (tookMs > (slowest?.tookMs ?? 0)) slowest = { ...cost, tookMs }
      }
      return slowest
    },
  }
}

async function timeVerification(storedHash: string): Promise<number> {
  const startedAtMs = performance.now()
  await schemeOf(storedHash).scheme.verify(storedHash, 'any password takes as long')
  return performance.now() - startedAtMs
}
