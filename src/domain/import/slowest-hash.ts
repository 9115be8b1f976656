import { argon2id } from '../passwords/argon2id.js'
import { schemeOf, UNUSABLE_HASH } from '../passwords/hash-formats.js'
import type { HashCost } from '../passwords/password-scheme.js'

export interface SlowestHash extends HashCost {
  tookMs: number
}

/** Measures one verification of a hash, in milliseconds. */
export type HashMeasurement = (storedHash: string) => Promise<number>

/**
 * Finds the imported hash that is the slowest to verify. The costs in the hashes can be compared only within one
 * function. So the costliest hash of each function is kept, at most eight hashes, and these are measured.
 */
export function slowestHashFinder(measure: HashMeasurement = timeVerification) {
  const costliest = new Map<string, HashCost & { storedHash: string }>()
  return {
    /** Adds a hash that can be verified. */
    add(storedHash: string): void {
      if (storedHash === UNUSABLE_HASH) return
      const cost = schemeOf(storedHash).scheme.costOf(storedHash)
      // A hash that costs no more than ours takes no longer than ours.
      if (cost.name.startsWith('argon2') && cost.work <= argon2id.ownWork) return
      if (cost.work > (costliest.get(cost.name)?.work ?? 0)) costliest.set(cost.name, { ...cost, storedHash })
    },

    /** Undefined if no hash can be slower than ours. */
    async find(): Promise<SlowestHash | undefined> {
      let slowest: SlowestHash | undefined
      for (const { storedHash, ...cost } of costliest.values()) {
        // Some damage is found only by a verification; such a hash takes no time.
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
