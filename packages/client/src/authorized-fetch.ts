import type { SessionKeeper } from './session-keeper.js'

/**
 * `fetch` with the access token. It is sent only to the allowed origins, and not if the caller sends other credentials.
 * A request that is refused with 401 is sent once more with a newer token, if its body can be sent twice.
 */
export function authorizedFetch(keeper: SessionKeeper, allows: (url: string | URL) => boolean): typeof fetch {
  return async (input, init) => {
    // A Request of another frame is none of this one's class.
    const request = (input as Request).url ? new Request(input, init) : undefined
    const headers = request?.headers ?? new Headers(init?.headers)
    const send = (token?: string): Promise<Response> => {
      if (token) headers.set('authorization', `Bearer ${token}`)
      // With a second argument, a Request would lose its referrer.
      return request ? fetch(request.clone()) : fetch(input, { ...init, headers })
    }
    if (!allows(request?.url ?? String(input)) || headers.has('authorization')) return send()
    const { signal } = request ?? init ?? {}
    const token = await unlessAborted(keeper.token(), signal)
    const response = await send(token)
    if (!token) return response
    // In the background: what it cannot do now, the timer does.
    if (response.headers.get('x-token-refresh-required')) keeper.tokenAfter(token).catch(() => {})
    const isRefused = response.status === 401 && !asksForPassword(response.headers.get('www-authenticate'))
    if (!isRefused || init?.body instanceof ReadableStream) return response
    const newer = await unlessAborted(keeper.tokenAfter(token), signal)
    if (!newer || newer === token) return response
    return send(newer)
  }
}

/** A newer sign-in is required, not a newer token (RFC 9470). */
export function asksForPassword(challenge: string | null | undefined): boolean | undefined {
  return challenge?.includes('insufficient_user_authentication')
}

/** What is waited for, or the reason of the signal if it comes first. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
