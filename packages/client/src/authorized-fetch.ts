import type { SessionKeeper } from './session-keeper.js'

/**
 * `fetch` with the access token. It is sent only to the allowed origins, and not if the caller sends other credentials.
 * A request that is refused with 401 is sent once more with a newer token, if its body can be sent twice.
 */
export function authorizedFetch(keeper: SessionKeeper, allows: (url: string | URL) => boolean): typeof fetch {
  return async (input, init) => {
    const given = input instanceof Request ? input : undefined
    const headers = new Headers(init?.headers ?? given?.headers)
    if (!allows(given?.url ?? (input as string)) || headers.has('authorization')) return fetch(input, init)
    const signal = init?.signal ?? given?.signal
    const send = (token: string | undefined): Promise<Response> => {
      if (token) headers.set('authorization', `Bearer ${token}`)
      return fetch(given ? given.clone() : input, { ...init, headers })
    }
    const token = await unlessAborted(keeper.token(), signal)
    const response = await send(token)
    if (!token) return response
    if (response.headers.get('x-token-refresh-required')) keeper.refreshSoon(token)
    if (response.status !== 401 || init?.body instanceof ReadableStream || asksForPassword(response)) return response
    const newer = await unlessAborted(keeper.tokenAfter(token), signal)
    if (!newer || newer === token) return response
    response.body?.cancel().catch(() => {})
    return send(newer)
  }
}

/** A newer sign-in is required, not a newer token (RFC 9470). */
function asksForPassword({ headers }: Response): boolean {
  return /insufficient_user_authentication/.test(headers.get('www-authenticate') ?? '')
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return promise
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    promise.then(resolve, reject)
  })
}
