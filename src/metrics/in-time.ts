/** A scrape waits at most this long for a store. */
const TIMEOUT_MS = 500

/**
 * Calls at the same time share one, and a new one begins when it has ended. So a store that hangs gets one question, and
 * delays a scrape only a little.
 *
 * @returns undefined if there is no answer in time
 */
export function inTime<Answer>(ask: () => Promise<Answer>): () => Promise<Answer | undefined> {
  let pending: Promise<Answer | undefined> | undefined
  return () => {
    pending ??= ask()
      .catch(() => undefined)
      .finally(() => {
        pending = undefined
      })
    return new Promise(resolve => {
      const timer = setTimeout(resolve, TIMEOUT_MS, undefined)
      void pending!.then(answer => {
        clearTimeout(timer)
        resolve(answer)
      })
    })
  }
}
