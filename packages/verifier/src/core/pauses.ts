const CHECK_INTERVAL_MS = 250
/** A loop that is only busy is not that late. */
const PAUSE_MS = 1000

/**
 * Notices that this process did not run for a while: it was stopped, its machine was frozen, or its event loop was
 * blocked. What happened meanwhile is not known here yet, but requests that waited may be handled first.
 */
export class Pauses {
  readonly #learn: () => Promise<void>
  #ranAtMs = performance.now()
  #catchingUp: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  /** @param learn - resolves when everything is known that happened before the call; never rejects */
  constructor(learn: () => Promise<void>) {
    this.#learn = learn
  }

  start(): void {
    this.#ranAtMs = performance.now()
    this.#timer = setInterval(() => {
      if (this.isBehind) void this.catchUp()
      else this.#ranAtMs = performance.now()
    }, CHECK_INTERVAL_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Whether nothing must be decided before `catchUp`. */
  get isBehind(): boolean {
    return this.#timer !== undefined && performance.now() - this.#ranAtMs > PAUSE_MS
  }

  /** Resolves when everything is known that happened before the call. */
  catchUp(): Promise<void> {
    this.#catchingUp ??= this.#learn().then(() => {
      this.#ranAtMs = performance.now()
      this.#catchingUp = undefined
    })
    return this.#catchingUp
  }
}
