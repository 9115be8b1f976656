import { type Batches, createBatches } from '../../lib/batches.js'
import type { Confirmation, ConfirmationOutcome, VerifierStore } from '../feed/verifier-store.js'

/** Records what verifiers have applied: the confirmations of a few milliseconds in one statement. */
export class Confirmations {
  readonly #batches: Batches<Confirmation, ConfirmationOutcome>

  /** @param onConfirmed - called after each batch */
  constructor(store: Pick<VerifierStore, 'confirm'>, onConfirmed: () => void) {
    this.#batches = createBatches({
      async work(confirmations) {
        const outcomes = await store.confirm(confirmations)
        onConfirmed()
        return outcomes
      },
      keyOf: ({ verifierId }) => verifierId,
      delayMs: 5,
      maxItems: 500,
    })
  }

  /** @throws LatchkeyError store_unavailable */
  confirm(confirmation: Confirmation): Promise<ConfirmationOutcome> {
    return this.#batches.add(confirmation)
  }
}
