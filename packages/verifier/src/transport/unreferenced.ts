import { subscribe, unsubscribe } from 'node:diagnostics_channel'

const CHANNEL = 'undici:client:sendHeaders'

/**
 * Sends a request whose open connection does not keep the process running, like a timer after `unref()`. The global
 * `fetch` has no option for that, but Node publishes the socket of each request on a diagnostics channel. With another
 * `fetch`, the connection keeps the process running until it is closed.
 *
 * @param path of the request; no other request has the same
 */
export async function withoutHoldingTheProcess<Result>(path: string, request: () => Promise<Result>): Promise<Result> {
  const release = (message: unknown) => {
    const { request, socket } = message as { request?: { path?: unknown }; socket?: { unref?(): void } }
    if (typeof request?.path === 'string' && request.path.endsWith(path)) socket?.unref?.()
  }
  subscribe(CHANNEL, release)
  try {
    return await request()
  } finally {
    unsubscribe(CHANNEL, release)
  }
}
