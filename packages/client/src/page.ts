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

/** The other tabs of this origin that use the same service. */
export interface Tabs {
  postMessage(message: unknown): void
  close(): void
}

/**
 * Undefined outside a page: on a server, users would share what is told. Undefined too if the browser refuses, as some do
 * that block cookies.
 *
 * @param onMessage throws if it cannot read the message: another application of this origin may use this name too
 */
export function openTabs<Message>(baseUrl: string, onMessage: (message: Message) => void): Tabs | undefined {
  try {
    const channel = page.document && new BroadcastChannel(`latchkey:${baseUrl}`)
    if (channel)
      channel.onmessage = ({ data }) => {
        try {
          onMessage(data)
        } catch {}
      }
    return channel
  } catch {
    return
  }
}
