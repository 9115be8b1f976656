import { createFailureLog, type FailureLevel, type Log } from './log.js'

export interface RepeatOptions {
  everyMs: number
  /** What the work does, as a verb and its object: "read the signing keys". */
  task: string
  work(): Promise<unknown>
  log: Log
  /** The level of a failure; `error` by default. */
  level?: FailureLevel
}

export interface Repetition {
  /** Does the work now too, after a run that is in progress. Never rejects. */
  runNow(): Promise<void>
  /** Resolves when no run is in progress. */
  stop(): Promise<void>
}

/** Does the work again and again, one run at a time. A failure is logged and does not stop it. */
export function repeat({ everyMs, task, work, log, level }: RepeatOptions): Repetition {
  const failures = createFailureLog(log, level)
  let isStopped = false
  let inProgress = Promise.resolve()
  let timer = schedule()

  function schedule(): NodeJS.Timeout {
    return setTimeout(async () => {
      await runNow()
      if (!isStopped) timer = schedule()
    }, withJitter(everyMs)).unref()
  }

  function runNow(): Promise<void> {
    inProgress = inProgress.then(attempt)
    return inProgress
  }

  async function attempt(): Promise<void> {
    try {
      await work()
      failures.succeeded(task)
    } catch (error) {
      failures.failed(task, error)
    }
  }

  return {
    runNow,
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await inProgress
    },
  }
}

/** An interval that is up to a tenth shorter or longer, so that many instances do not do the same at the same moment. */
export function withJitter(ms: number): number {
  return ms * (0.9 + 0.2 * Math.random())
}
