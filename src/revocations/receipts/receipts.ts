import { createFailureLog, type FailureLog, type Log } from '../../lib/log.js'
import { ReadPace } from './read-pace.js'
import { type LaggingVerifier, MOST_TARGETS, type ReceiptStore, type TargetState } from './receipt-store.js'
import { type Target, Targets } from './targets.js'

/** Whether every live verifier has applied the revocations that were committed before it was asked for. */
export type Receipt =
  | { is: 'complete' }
  | { is: 'pending'; total: number; verifiers: readonly LaggingVerifier[] }
  /** Nothing is known about the verifiers. */
  | { is: 'unknown'; reason: UnknownReason }

export type UnknownReason = 'too_many_waiting' | 'store_unavailable' | 'database_replaced' | 'shutting_down'

export interface ReceiptsOptions {
  store: ReceiptStore
  log: Log
  /**
   * The server whose journal has everything that this instance knows, and that knows every verifier of this instance.
   * After a failover, that takes some seconds: until then undefined.
   */
  settledServer(): string | undefined
  /** Beyond this number of waiting receipts, the answer is that nothing is known. */
  mostWaiting?: number
}

/** Who waits, and how many requests of theirs can wait at once. */
export interface WaitingParty {
  key: string
  most: number
}

interface Waiting {
  party: string | undefined
  endsAtMs: number
  /** Whether a read began since then: even a receipt that does not wait is worth one. */
  isAsked: boolean
  target: JoinedTarget | undefined
  resolve(receipt: Receipt): void
}

interface JoinedTarget extends Target {
  readonly receipts: Set<Waiting>
}

const MOST_WAITING = 1000
/** How many verifiers a receipt names. */
const MOST_NAMED = 50

/**
 * Waits until every live verifier has applied what was committed (docs/adr/0021-receipts.md). All receipts of this
 * instance share one statement, which is repeated while any of them waits; between two of them no connection and no
 * transaction is held.
 */
export class Receipts {
  readonly #options: ReceiptsOptions
  readonly #failures: FailureLog
  readonly #targets = new Targets<JoinedTarget>()
  readonly #waiting = new Set<Waiting>()
  readonly #pace = new ReadPace()
  /** They have no target yet: the next read gives them one. */
  #newcomers = new Set<Waiting>()
  #serverStart: string | undefined
  #problem: UnknownReason = 'store_unavailable'
  #polling: Promise<void> | undefined
  #isClosed = false

  constructor(options: ReceiptsOptions) {
    this.#options = options
    this.#failures = createFailureLog(options.log, 'warn')
  }

  /**
   * Waits at most this long. Call it after the commit.
   *
   * @param signal - ends the waiting: nobody reads the receipt
   * @param share - of the places; above it, this receipt does not wait
   * @param party - so that nobody takes the places of others
   */
  wait(
    seconds: number,
    { signal, share = 1, party }: { signal?: AbortSignal; share?: number; party?: WaitingParty | undefined } = {},
  ): Promise<Receipt> {
    if (this.#isClosed) return unknown('shutting_down')
    const { mostWaiting = MOST_WAITING } = this.#options
    if (this.#waiting.size >= mostWaiting * share) return unknown('too_many_waiting')
    if (party && this.#countOf(party.key) >= party.most) return unknown('too_many_waiting')
    return new Promise(resolve => {
      const waiting: Waiting = {
        party: party?.key,
        endsAtMs: performance.now() + seconds * 1000,
        isAsked: false,
        target: undefined,
        resolve,
      }
      this.#waiting.add(waiting)
      this.#newcomers.add(waiting)
      signal?.addEventListener('abort', () => this.#end(waiting, { is: 'unknown', reason: this.#problem }), {
        once: true,
      })
      this.#pace.receiptBegan()
      this.#polling ??= this.#poll()
    })
  }

  /** A verifier has confirmed a position at this instance: read soon. */
  verifierConfirmed(): void {
    this.#pace.wake()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const waiting of this.#waiting) this.#end(waiting, { is: 'unknown', reason: 'shutting_down' })
    this.#pace.wake()
    await this.#polling
  }

  #countOf(party: string): number {
    let count = 0
    for (const waiting of this.#waiting) if (waiting.party === party) count++
    return count
  }

  async #poll(): Promise<void> {
    while (this.#waiting.size > 0) {
      const begunAtMs = performance.now()
      await this.#read()
      await this.#endLate()
      if (this.#waiting.size === 0) break
      const endsAtMs = Math.min(...Array.from(this.#waiting, ({ endsAtMs }) => endsAtMs))
      await this.#pace.pause(begunAtMs, endsAtMs)
    }
    this.#polling = undefined
  }

  async #read(): Promise<void> {
    // Only those whose commit was before the statement.
    const newcomers = this.#newcomers
    this.#newcomers = new Set()
    for (const waiting of newcomers) waiting.isAsked = true
    // Before the statement: what is registered while it is in progress, it may not see.
    const settledServer = this.#options.settledServer()
    try {
      const [present, ...asked] = await this.#options.store.readTargets(this.#targets.ask(MOST_TARGETS))
      if (present!.isStandby) throw new Error('Postgres is a standby; DATABASE_URL must name the primary')
      this.#take(present!, asked, newcomers, settledServer)
      this.#failures.succeeded(TASK)
    } catch (error) {
      this.#problem = 'store_unavailable'
      this.#failures.failed(TASK, error)
      this.#keepNew(newcomers)
    }
  }

  #take(
    present: TargetState,
    asked: readonly TargetState[],
    newcomers: ReadonlySet<Waiting>,
    settledServer: string | undefined,
  ): void {
    if (present.serverStart !== this.#serverStart) {
      // Its transaction ids mean something else, and it may lack what was committed: everything begins again.
      for (const { receipts } of this.#targets.takeAll()) this.#keepNew(receipts)
      this.#serverStart = present.serverStart
    } else this.#complete(this.#targets.takeReached(asked))

    if (present.serverStart !== settledServer) {
      this.#problem = 'database_replaced'
      this.#keepNew(newcomers)
      return
    }
    const target: JoinedTarget = { ...present, receipts: new Set() }
    for (const waiting of newcomers) {
      if (!this.#waiting.has(waiting)) continue
      waiting.target = target
      target.receipts.add(waiting)
    }
    if (target.receipts.size > 0) this.#targets.add(target)
    if (present.isComplete) this.#complete(this.#targets.takeAll())
  }

  #keepNew(waiting: Iterable<Waiting>): void {
    for (const receipt of waiting) {
      receipt.target = undefined
      if (this.#waiting.has(receipt)) this.#newcomers.add(receipt)
    }
  }

  #complete(targets: readonly JoinedTarget[]): void {
    for (const { receipts } of targets) for (const waiting of receipts) this.#end(waiting, { is: 'complete' })
  }

  /** Answers the receipts whose time is over. One more read says which verifiers lag, or that none does any more. */
  async #endLate(): Promise<void> {
    const nowMs = performance.now()
    const late = new Map<JoinedTarget, Waiting[]>()
    for (const waiting of this.#waiting) {
      if (waiting.endsAtMs > nowMs || !waiting.isAsked) continue
      if (waiting.target === undefined) this.#end(waiting, { is: 'unknown', reason: this.#problem })
      else late.set(waiting.target, [...(late.get(waiting.target) ?? []), waiting])
    }
    for (const [target, receipts] of late) {
      const receipt = await this.#laggingAt(target)
      for (const waiting of receipts) this.#end(waiting, receipt)
    }
  }

  async #laggingAt({ serverStart, snapshot }: Target): Promise<Receipt> {
    try {
      const { total, verifiers, ...read } = await this.#options.store.findLagging(snapshot, MOST_NAMED)
      if (read.serverStart !== serverStart) return { is: 'unknown', reason: 'database_replaced' }
      return total === 0 ? { is: 'complete' } : { is: 'pending', total, verifiers }
    } catch (error) {
      this.#failures.failed(TASK, error)
      return { is: 'unknown', reason: 'store_unavailable' }
    }
  }

  #end(waiting: Waiting, receipt: Receipt): void {
    if (!this.#waiting.delete(waiting)) return
    this.#newcomers.delete(waiting)
    const { target } = waiting
    target?.receipts.delete(waiting)
    if (target?.receipts.size === 0) this.#targets.remove(target)
    waiting.resolve(receipt)
  }
}

const TASK = 'read which verifiers have applied a revocation'

function unknown(reason: UnknownReason): Promise<Receipt> {
  return Promise.resolve({ is: 'unknown', reason })
}
