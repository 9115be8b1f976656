import { createFailureLog, type Log } from '../../lib/log.js'
import type { AddedEvent } from '../../postgres/security-events.js'

/** What the application does with an event. Its promise is awaited before it gets the next event. */
export type EventListener = (event: AddedEvent) => unknown

export interface EventListeners {
  /** @returns a function that removes the listener, with the events that it has not received yet */
  add(listener: EventListener): () => void
  /** Delivers the events later: no request waits for a listener. */
  announce(events: readonly AddedEvent[]): void
  /** Resolves when every listener has its events, or after `CLOSE_TIMEOUT_MS`. */
  close(): Promise<void>
}

export interface EventListenersOptions {
  /** How long a listener may take for one event. Then the next one is delivered. */
  timeoutMs?: number
  /** How many events wait for one listener. Further ones are dropped. */
  queueLimit?: number
  /** How long `close` waits. */
  closeTimeoutMs?: number
}

/**
 * The listeners for security events in this process. Each one receives the events in the order of their commits, one
 * at a time, and only once. A listener that throws, or does not finish in time, delays only itself; the failure is
 * logged, once until an event is delivered again.
 */
export function createEventListeners(log: Log, options: EventListenersOptions = {}): EventListeners {
  const { timeoutMs = 10_000, queueLimit = 10_000, closeTimeoutMs = 5_000 } = options
  const failures = createFailureLog(log)
  const queues = new Set<Queue>()
  let count = 0

  function createQueue(listener: EventListener): Queue {
    // In the order of their registration: the log then tells how many listeners fail.
    const task = `deliver security events to listener ${++count}`
    let waiting: AddedEvent[] = []
    let isRunning = false
    let idle: () => void = () => {}
    let settled = Promise.resolve()

    async function run(): Promise<void> {
      for (let event = waiting.shift(); event; event = waiting.shift()) {
        try {
          await withTimeout(listener(event), timeoutMs, { ref: false })
          failures.succeeded(task)
        } catch (error) {
          failures.failed(task, error)
        }
      }
      isRunning = false
      idle()
    }

    return {
      push(events) {
        const free = queueLimit - waiting.length
        if (events.length > free) failures.failed(task, new Error(`more than ${queueLimit} events wait for a listener`))
        waiting.push(...events.slice(0, Math.max(0, free)))
        if (isRunning || waiting.length === 0) return
        isRunning = true
        settled = new Promise(resolve => {
          idle = resolve
        })
        // Later, so that the answer to the request is sent first.
        setImmediate(() => void run())
      },
      settled: () => settled,
      clear: () => {
        waiting = []
      },
    }
  }

  return {
    add(listener) {
      const queue = createQueue(listener)
      queues.add(queue)
      return () => {
        queues.delete(queue)
        queue.clear()
      }
    },
    announce(events) {
      for (const queue of queues) queue.push(events)
    },
    async close() {
      const delivered = Promise.all([...queues].map(queue => queue.settled()))
      try {
        await withTimeout(delivered, closeTimeoutMs)
      } catch {
        log.error('Some security events were not delivered to a listener: it did not finish in time.')
      }
      for (const queue of queues) queue.clear()
      queues.clear()
    },
  }
}

interface Queue {
  push(events: readonly AddedEvent[]): void
  /** Resolves when no event waits and none is being delivered. */
  settled(): Promise<void>
  clear(): void
}

async function withTimeout(work: unknown, timeoutMs: number, { ref = true } = {}): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not finish within ${timeoutMs} ms`)), timeoutMs)
    if (!ref) timer.unref()
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
