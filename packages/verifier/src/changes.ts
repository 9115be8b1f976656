/** Lets callers wait for a condition, which is checked again whenever something has changed. */
export class Changes {
  readonly #waiting = new Set<() => void>()

  /** Something has changed. */
  announce(): void {
    for (const wake of this.#waiting) wake()
  }

  /**
   * Resolves when the condition is true, and rejects with what it throws. Somebody waits, so this keeps the process
   * running.
   *
   * @param isMet gets whether the time is over
   */
  async until(isMet: (isLate: boolean) => boolean, timeoutMs: number): Promise<void> {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      this.announce()
    }, timeoutMs)
    try {
      while (!isMet(isLate)) await this.#next()
    } finally {
      clearTimeout(timer)
    }
  }

  #next(): Promise<void> {
    return new Promise(resolve => {
      const wake = () => {
        this.#waiting.delete(wake)
        resolve()
      }
      this.#waiting.add(wake)
    })
  }
}
