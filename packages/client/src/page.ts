/** The parts of a page that this package uses; undefined on a server. */
interface Page {
  document?: { hidden: boolean; baseURI: string }
  origin?: string
  addEventListener?(type: string, listener: (event: { persisted?: boolean }) => void, options: object): void
}

const page = globalThis as Page

/** Undefined on a server, and for a page without an origin, such as one in a sandbox. */
export const pageOrigin = page.origin === 'null' ? undefined : page.origin

/** The address that `fetch` would use: relative to `<base>`, if the page has one. */
export function addressOf(url: string | URL): URL {
  return new URL(url, page.document?.baseURI)
}

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
  // `visibilitychange` reaches the window too.
  for (const type of ['visibilitychange', 'online', 'pageshow'])
    page.addEventListener?.(type, ({ persisted }) => listener(persisted === true), { signal })
}
