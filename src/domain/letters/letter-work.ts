import { setTimeout as sleep } from 'node:timers/promises'
import { createBackground } from '../../lib/background.js'
import type { Log } from '../../lib/log.js'

/** Writes letters after the answer to the request that asks for them. */
export interface LetterWork {
  /** @param task what it does, as a verb and its object */
  run(task: string, work: () => Promise<unknown>): void
  /** Resolves when everything that was begun has ended. */
  settled(): Promise<void>
}

const SPREAD_MS = 500

/**
 * The answer is sent before anything is read, so its time cannot show whether there is an account. The work begins at a
 * random moment of the next half second: otherwise the next request on the same connection could show how much it is.
 */
export function createLetterWork(log: Log, random: () => number = Math.random): LetterWork {
  const background = createBackground(log)
  return {
    run: (task, work) =>
      background.run(task, async () => {
        await sleep(random() * SPREAD_MS)
        await work()
      }),
    settled: background.settled,
  }
}
