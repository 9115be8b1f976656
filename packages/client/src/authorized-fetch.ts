import type { SessionKeeper } from './session-keeper.js'

/**
 * `fetch` with the access token. It is sent only to the allowed origins, and not if the caller sends other credentials.
 * A request that is refused with 401 is sent once more with a newer token, if its body can be sent twice.
 */
export function authorizedFetch(keeper: SessionKeeper, allows: (url: string | URL) => boolean): typeof fetch {
  return async (input, init) => {
    // A Request of another frame is none of this one's class.
    const given = (input as Request).url ? (input as Request) : undefined
    const headers = new Headers(init?.headers ?? given?.headers)
    if (!allows(given?.url ?? String(input)) || headers.has('authorization')) return fetch(input, init)
    const signal = init?.signal ?? given?.signal
    const send = (token: string | undefined): Promise<Response> => {
      if (token) headers.set('authorization', `Bearer ${token}`)
      return fetch(given ? given.clone() : input, { ...init, headers })
    }
    const token = await unlessAborted(keeper.token(), signal)
    const response = await send(token)
    if (!token) return response
    // In the background: what it cannot do now, the timer does.
    if (response.headers.get('x-token-refresh-required')) keeper.tokenAfter(token).catch(() => {})
    if (response.status !== 401 || init?.body instanceof ReadableStream || asksForPassword(response)) return response
    const newer = await unlessAborted(keeper.tokenAfter(token), signal)
    if (!newer || newer === token) return response
    return send(newer)
  }
}

/** A newer sign-in is required, not a newer token (RFC 9470). */
function asksForPassword({ headers }: Response): boolean {
  return /insufficient_user_authentication/.test(headers.get('www-authenticate') ?? '')
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  signal?.throwIfAborted()
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal?.reason)
    signal?.addEventListener('abort', stop)
  })
  return Promise.race([promise, aborted]).finally(() => signal?.removeEventListener('abort', stop))
}
