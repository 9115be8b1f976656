import type { Log } from './log.js'

/**
 * Repeats the work, a tenth of the interval early or late so that a hundred instances do not come at once. Goes on when
 * it fails, and says so at the first failure and when it is over, not each time.
 *
 * @returns stops it
 */
export function repeat(everyMs: number, log: Log, purpose: string, work: () => Promise<void>): () => Promise<void> {
  let failing = false
  let stopped = false
  let underWay = Promise.resolve()
  let timer = schedule()

  function schedule(): NodeJS.Timeout {
    const delayMs = everyMs * (0.9 + 0.2 * Math.random())
    return setTimeout(() => {
      underWay = once()
    }, delayMs).unref()
  }

  async function once(): Promise<void> {
    try {
      await work()
      if (failing) log.info(`Could ${purpose} again`)
      failing = false
    } catch (error) {
      if (!failing) log.error(`Could not ${purpose}: ${error instanceof Error ? error.message : error}`)
      failing = true
    }
    if (!stopped) timer = schedule()
  }

  return async () => {
    stopped = true
    clearTimeout(timer)
    await underWay
  }
}
