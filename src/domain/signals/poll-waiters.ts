import { createFailureLog, type Log } from '../../lib/log.js'
import type { Deliveries } from '../../postgres/deliveries.js'

/** Lets requests that poll wait until something is there for their stream. */
export interface PollWaiters {
  /**
   * Resolves when something waits for the stream, after this time, or when the signal is aborted.
   *
   * @returns false at once if too many requests wait, or if this process is stopping
   */
  wait(streamId: string, forMs: number, signal: AbortSignal): Promise<boolean>
  /** Looks at once whether something is there, not only at the next turn. */
  wake(): void
  /** Ends every wait, and those that follow. */
  close(): void
}

/** How often it looks for events of other instances. */
const EVERY_MS = 1000
/** Every sign-in wakes it: so those of this time are one. */
const WAKE_MS = 100
const MOST_WAITING = 500
const MOST_OF_ONE_STREAM = 4

/** One statement a second asks for all streams together, and none while nobody waits. */
export function createPollWaiters(options: {
  deliveries: Pick<Deliveries, 'receiversWithWaiting'>
  log: Log
}): PollWaiters {
  const failures = createFailureLog(options.log)
  const waiting = new Map<string, Set<() => void>>()
  let count = 0
  let timer: NodeJS.Timeout | undefined
  let isLooking = false
  let isClosed = false

  function lookIn(ms: number): void {
    clearTimeout(timer)
    timer = waiting.size === 0 || isClosed ? undefined : setTimeout(look, ms).unref()
  }

  async function look(): Promise<void> {
    if (isLooking) return
    isLooking = true
    try {
      for (const id of await options.deliveries.receiversWithWaiting([...waiting.keys()])) release(id)
      failures.succeeded('look for events of polled streams')
    } catch (error) {
      failures.failed('look for events of polled streams', error)
    } finally {
      isLooking = false
      lookIn(EVERY_MS)
    }
  }

  function release(streamId: string): void {
    for (const resolve of waiting.get(streamId) ?? []) resolve()
  }

  return {
    wait(streamId, forMs, signal) {
      const ofStream = waiting.get(streamId) ?? new Set()
      if (isClosed || signal.aborted || count >= MOST_WAITING || ofStream.size >= MOST_OF_ONE_STREAM)
        return Promise.resolve(false)
      return new Promise(resolve => {
        const limit = setTimeout(end, forMs)
        function end(): void {
          clearTimeout(limit)
          signal.removeEventListener('abort', end)
          if (!ofStream.delete(end)) return
          count--
          if (ofStream.size === 0) waiting.delete(streamId)
          resolve(true)
        }
        signal.addEventListener('abort', end)
        ofStream.add(end)
        waiting.set(streamId, ofStream)
        count++
        if (timer === undefined) lookIn(EVERY_MS)
      })
    },
    wake() {
      if (waiting.size > 0 && !isLooking) lookIn(WAKE_MS)
    },
    close() {
      isClosed = true
      clearTimeout(timer)
      for (const id of [...waiting.keys()]) release(id)
    },
  }
}
