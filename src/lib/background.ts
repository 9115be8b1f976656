import type { Log } from './log.js'

export interface Background {
  /**
   * Starts work that nobody waits for.
   *
   * @param task what it does, as the end of a sentence: "write down an event"
   */
  run(task: string, work: () => Promise<unknown>): void
  /** Resolves when all that is under way has ended. */
  settled(): Promise<void>
}

const MAX_UNDER_WAY = 1000

/** Work beside the requests. What fails is said in the log; a flood of it is cut, and said to be. */
export function createBackground(log: Log): Background {
  const underWay = new Set<Promise<void>>()
  return {
    run(task, work) {
      if (underWay.size >= MAX_UNDER_WAY) {
        log.error(`Could not ${task}: too much is under way`)
        return
      }
      const ended = work()
        .then(
          () => {},
          (error: Error) => log.error(`Could not ${task}: ${error.message}`),
        )
        .finally(() => underWay.delete(ended))
      underWay.add(ended)
    },
    async settled() {
      await Promise.all(underWay)
    },
  }
}
