import { setImmediate as nextTurn } from 'node:timers/promises'

const CHECK_INTERVAL_MS = 250
/** A loop that is only busy is not that late. */
const PAUSE_MS = 1000

/**
 * Notices that this process did not run for a while: it was stopped, its machine was frozen, or its event loop was
 * blocked. What arrived meanwhile is still unread then, and requests that waited too may be handled first.
 */
export class Pauses {
  readonly #countReads: () => number
  #caughtUpAtMs = performance.now()
  #catchingUp: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  /** @param countReads - how often something was read so far */
  constructor(countReads: () => number) {
    this.#countReads = countReads
  }

  start(): void {
    this.#timer = setInterval(() => void this.catchUp(), CHECK_INTERVAL_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Whether something that has arrived may be unread. */
  get isBehind(): boolean {
    return performance.now() - this.#caughtUpAtMs > PAUSE_MS
  }

  /** Resolves when what has arrived is read. */
  catchUp(): Promise<void> {
    this.#catchingUp ??= this.#readAll().finally(() => {
      this.#catchingUp = undefined
    })
    return this.#catchingUp
  }

  async #readAll(): Promise<void> {
    for (let before = Number.NaN; before !== this.#countReads(); ) {
      before = this.#countReads()
      // The present turn may have begun before the pause. The second one reads in any case.
      await nextTurn()
      await nextTurn()
    }
    this.#caughtUpAtMs = performance.now()
  }
}
