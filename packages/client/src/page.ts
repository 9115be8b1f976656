/** The parts of a page that this package uses; undefined on a server. */
interface Page {
  document?: EventTarget & { hidden: boolean }
  location?: { href: string; origin: string }
  addEventListener?(type: string, listener: (event: { persisted?: boolean }) => void, options: object): void
}

const page = globalThis as Page

export const location = page.location

/** Whether no one sees the page. On a server there is no page to see, and nothing happens before it is asked for. */
export function isHidden(): boolean {
  return page.document?.hidden ?? true
}

/**
 * Calls a function when the page is seen again, is back on the network, or comes back from the back-forward cache.
 *
 * @param listener its argument is true if the page did not run meanwhile and got no messages of other tabs
 */
export function onReturn(listener: (wasAway: boolean) => void, signal: AbortSignal): void {
  const options = { signal }
  page.document?.addEventListener('visibilitychange', () => listener(false), options)
  page.addEventListener?.('online', () => listener(false), options)
  page.addEventListener?.('pageshow', ({ persisted }) => persisted && listener(true), options)
}
