import { type Batches, createBatches } from '../../lib/batches.js'
import { createFailureLog, type FailureLog, type Log } from '../../lib/log.js'
import type { VerifierStore } from './verifier-store.js'

/** Tells the store which connections have ended. A release that fails is kept, and tried again. */
export class Releases {
  readonly #store: Pick<VerifierStore, 'release'>
  readonly #marginSeconds: number
  readonly #failures: FailureLog
  readonly #batches: Batches<string, void>
  readonly #failed = new Set<string>()

  constructor(store: Pick<VerifierStore, 'release'>, marginSeconds: number, log: Log) {
    this.#store = store
    this.#marginSeconds = marginSeconds
    this.#failures = createFailureLog(log, 'warn')
    this.#batches = createBatches({ work: ids => this.#release(ids), keyOf: id => id, delayMs: 5, maxItems: 500 })
  }

  add(connectionId: string): void {
    void this.#batches.add(connectionId)
  }

  tryAgain(): void {
    for (const connectionId of this.#failed) {
      this.#failed.delete(connectionId)
      this.add(connectionId)
    }
  }

  settled(): Promise<void> {
    return this.#batches.settled()
  }

  async #release(connectionIds: readonly string[]): Promise<undefined[]> {
    try {
      await this.#store.release(connectionIds, this.#marginSeconds)
      this.#failures.succeeded(TASK)
    } catch (error) {
      this.#failures.failed(TASK, error)
      for (const connectionId of connectionIds) this.#failed.add(connectionId)
    }
    return connectionIds.map(() => undefined)
  }
}

const TASK = 'release verifiers that have disconnected'
