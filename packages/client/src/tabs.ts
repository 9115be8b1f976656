import type { Grant } from './grant.js'

/** What tabs tell each other. */
export type TabMessage =
  /** @param isSignIn whether it is from a sign-in, and not from a refresh */
  { grant: Grant; isSignIn: boolean } | { endedSessionId: string }

/** The other tabs of this origin that use the same service. */
export interface Tabs {
  tell(message: TabMessage): void
  close(): void
}

/** Undefined outside a browser: on a server, users would share what is told. */
export function openTabs(baseUrl: string, onMessage: (message: TabMessage) => void): Tabs | undefined {
  if (!('document' in globalThis)) return
  const channel = new BroadcastChannel(`latchkey:${baseUrl}`)
  channel.onmessage = event => onMessage((event as { data: TabMessage }).data)
  return { tell: message => channel.postMessage(message), close: () => channel.close() }
}
