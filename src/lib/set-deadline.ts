/** What a timer is late by itself, in a process that has little to do. */
const PUNCTUAL_WITHIN_MS = 50

/**
 * Sets a timer for something that others must do in time. When this process itself stood still, timers run before what
 * has arrived meanwhile is read: an answer that waits in its socket would count as none. So a timer that comes late
 * begins again, once, and before the verdict what has arrived is read.
 *
 * @param onOver - asks again whether the answer is there, as it may be called after the timer was cleared
 */
export function setDeadline(ms: number, onOver: () => void): NodeJS.Timeout {
  const dueAt = performance.now() + ms
  let hasBegunAgain = false
  const timer = setTimeout(() => {
    if (!hasBegunAgain && performance.now() - dueAt > PUNCTUAL_WITHIN_MS) {
      hasBegunAgain = true
      timer.refresh()
    } else {
      setImmediate(onOver)
    }
  }, ms)
  return timer
}
