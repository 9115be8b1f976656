export interface JournalReadsOptions {
  /** Reads the journal after a read that is in progress. Never rejects. */
  read(): Promise<void>
  /** How soon after a read the next one can begin. */
  gapMs(): number
}

/** Reads of the journal that cannot wait for the next second, shared by all that need one at the same time. */
export class JournalReads {
  readonly #options: JournalReadsOptions
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #lastEndMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(options: JournalReadsOptions) {
    this.#options = options
  }

  /** Resolves after a read that began after this call. */
  now(): Promise<void> {
    if (this.#running) {
      this.#next ??= this.#running.then(() => {
        this.#next = undefined
        return this.#read()
      })
      return this.#next
    }
    return this.#read()
  }

  /** Reads at once, or soon after the last read: many entries that arrive one after the other share a read. */
  soon(): void {
    if (this.#timer) return
    const waitMs = Math.max(0, this.#lastEndMs + this.#options.gapMs() - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.now()
    }, waitMs).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #read(): Promise<void> {
    const running = this.#options.read().then(() => {
      this.#running = undefined
      this.#lastEndMs = performance.now()
    })
    this.#running = running
    return running
  }
}
