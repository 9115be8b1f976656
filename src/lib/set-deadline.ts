/** How late a timer can be in an idle process. */
const PUNCTUAL_WITHIN_MS = 50

/**
 * Sets a timer for an answer that must arrive in time. After this process was blocked, Node runs timers before it reads
 * the sockets, so an answer that has already arrived would count as missing. Therefore a timer that runs late starts
 * again, once, and the sockets are read before `onOver` is called.
 *
 * @param onOver - must check again whether the answer has arrived: it can be called after the timer was cleared
 */
export function setDeadline(ms: number, onOver: () => void): NodeJS.Timeout {
  const dueAt = performance.now() + ms
  let hasRestarted = false
  const timer = setTimeout(() => {
    if (!hasRestarted && performance.now() - dueAt > PUNCTUAL_WITHIN_MS) {
      hasRestarted = true
      timer.refresh()
    } else {
      setImmediate(onOver)
    }
  }, ms)
  return timer
}
