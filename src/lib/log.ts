import { messageOf } from './error-facts.js'
import { failedTasks } from './measurements.js'

/** The part of a logger that code outside of requests needs. */
export interface Log {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/** Logs the failures of tasks that are tried again and again. An outage is logged twice: when it begins and when it ends. */
export interface FailureLog {
  /** @param task - what was tried, as a verb and its object: "read the signing keys" */
  failed(task: string, error: unknown): void
  succeeded(task: string): void
}

/** The level of a failure: `warn` if the service works without the task. */
export type FailureLevel = 'warn' | 'error'

export function createFailureLog(log: Log, level: FailureLevel = 'error'): FailureLog {
  /** How often each task failed since it last succeeded. */
  const failures = new Map<string, number>()
  return {
    failed(task, error) {
      failedTasks.report(task)
      const count = failures.get(task) ?? 0
      failures.set(task, count + 1)
      if (count === 0) log[level](`Could not ${task}: ${messageOf(error)}`)
    },
    succeeded(task) {
      const count = failures.get(task)
      if (count === undefined) return
      failures.delete(task)
      log.info(`Works again after ${count} ${count === 1 ? 'failure' : 'failures'}: ${task}`)
    },
  }
}
