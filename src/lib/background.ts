import { createFailureLog, type FailureLevel, type Log } from './log.js'

export interface Background {
  /**
   * Starts work that no request waits for. A failure is logged, once until the same task succeeds.
   *
   * @param task - what it does, as a verb and its object: "write down an event"
   */
  run(task: string, work: () => Promise<unknown>): void
  /** Resolves when all work that is in progress has ended. */
  settled(): Promise<void>
}

export interface BackgroundOptions {
  /** The level of a failure; `error` by default. */
  level?: FailureLevel
  /** Beyond this number of tasks in progress, more are not started, which counts as their failure. */
  limit?: number
}

export function createBackground(log: Log, { level, limit = 1000 }: BackgroundOptions = {}): Background {
  const failures = createFailureLog(log, level)
  const inProgress = new Set<Promise<void>>()
  return {
    run(task, work) {
      if (inProgress.size >= limit) {
        failures.failed(task, new Error('too many tasks are in progress'))
        return
      }
      const ended = work()
        .then(
          () => failures.succeeded(task),
          error => failures.failed(task, error),
        )
        .finally(() => inProgress.delete(ended))
      inProgress.add(ended)
    },
    async settled() {
      await Promise.all(inProgress)
    },
  }
}
