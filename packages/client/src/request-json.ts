import { AuthError } from './auth-error.js'

/** After this a request is given up: its answer is no longer of use. */
export const TIMEOUT_MS = 15_000

/**
 * The body of an answer, or its error.
 *
 * @throws AuthError if the answer is an error, or is not an answer of Latchkey
 */
export async function jsonOf<T>(response: Response): Promise<T> {
  const text = await response.text()
  const { ok, status } = response
  let body: T | undefined
  try {
    if (text) body = JSON.parse(text)
  } catch {
    throw new AuthError(ok ? 502 : status)
  }
  if (!ok) throw new AuthError(status, (body ?? {}) as object, Number(response.headers.get('retry-after')) || 0)
  return body as T
}

/** A request with a JSON body. */
export function jsonRequest(method: string, body?: object, token?: string) {
  const headers: Record<string, string> = {}
  if (body) headers['content-type'] = 'application/json'
  if (token) headers.authorization = `Bearer ${token}`
  return { method, headers, body: body ? JSON.stringify(body) : null }
}
