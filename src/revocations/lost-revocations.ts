import { type Revocation, RevocationList } from '@latchkey/verifier/core'
import type { Background } from '../lib/background.js'
import type { Log } from '../lib/log.js'

export interface LostRevocationsOptions {
  log: Log
  /** Writes again what is missing beside the entries that the journal has, and announces it. */
  repair(findLost: (known: readonly Revocation[]) => Revocation[]): Promise<void>
  background: Background
}

/**
 * After a failover, finds the revocations that this instance knows and the new server lacks, and has them written
 * again.
 */
export class LostRevocations {
  readonly #list: RevocationList
  readonly #options: LostRevocationsOptions
  #isRepairDue = false
  #isRepairing = false

  constructor(list: RevocationList, options: LostRevocationsOptions) {
    this.#list = list
    this.#options = options
  }

  /** Whether entries that this instance knows may be missing in the journal. */
  get isRepairPending(): boolean {
    return this.#isRepairDue || this.#isRepairing
  }

  /**
   * @param journal - the whole journal of the new server
   * @returns what it lacks
   */
  lookFor(journal: readonly Revocation[]): Revocation[] {
    const lost = findLostRevocations(this.#list, journal)
    if (lost.length === 0) return lost
    this.#options.log.error(`the database lost ${lost.length} revocations in a failover; writing them again`)
    this.#isRepairDue = true
    this.repairIfDue()
    return lost
  }

  /** Called for each page of the journal, so that a repair that failed is tried again: a new server may fail too. */
  repairIfDue(): void {
    if (!this.#isRepairDue || this.#isRepairing) return
    this.#isRepairDue = false
    this.#isRepairing = true
    this.#options.background.run('write revocations again that a failover lost', async () => {
      try {
        await this.#options.repair(known => findLostRevocations(this.#list, known))
      } catch (error) {
        this.#isRepairDue = true
        throw error
      } finally {
        this.#isRepairing = false
      }
    })
  }
}

/** The entries of the list that the journal lacks, after a failover to a server that did not have the last commits. */
export function findLostRevocations(list: RevocationList, journal: readonly Revocation[]): Revocation[] {
  const present = new RevocationList()
  for (const entry of journal) present.add(entry)
  return [...list.entries()].filter(entry => !present.covers(entry))
}
