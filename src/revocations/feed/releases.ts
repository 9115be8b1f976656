import { type Batches, createBatches } from '../../lib/batches.js'
import { createFailureLog, type FailureLog, type Log } from '../../lib/log.js'
import type { EndedConnection, VerifierStore } from './verifier-store.js'

/** Tells the store which connections have ended. A release that fails is kept, and tried again. */
export class Releases {
  readonly #store: Pick<VerifierStore, 'release'>
  readonly #marginSeconds: number
  readonly #failures: FailureLog
  readonly #batches: Batches<EndedConnection, void>
  readonly #failed = new Map<string, EndedConnection>()

  constructor(store: Pick<VerifierStore, 'release'>, marginSeconds: number, log: Log) {
    this.#store = store
    this.#marginSeconds = marginSeconds
    this.#failures = createFailureLog(log, 'warn')
    this.#batches = createBatches({
      work: ended => this.#release(ended),
      keyOf: ({ connectionId }) => connectionId,
      delayMs: 5,
      maxItems: 500,
    })
  }

  /** @param hasNoList - whether the verifier never had a list */
  add(connectionId: string, hasNoList = false): void {
    void this.#batches.add({ connectionId, hasNoList })
  }

  tryAgain(): void {
    for (const { connectionId, hasNoList } of this.#failed.values()) {
      this.#failed.delete(connectionId)
      this.add(connectionId, hasNoList)
    }
  }

  settled(): Promise<void> {
    return this.#batches.settled()
  }

  async #release(ended: readonly EndedConnection[]): Promise<undefined[]> {
    try {
      await this.#store.release(ended, this.#marginSeconds)
      this.#failures.succeeded(TASK)
    } catch (error) {
      this.#failures.failed(TASK, error)
      for (const connection of ended) this.#failed.set(connection.connectionId, connection)
    }
    return ended.map(() => undefined)
  }
}

const TASK = 'release verifiers that have disconnected'
