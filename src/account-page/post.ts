import { AuthError } from '@latchkey/client'

const TIMEOUT_MS = 15_000

/**
 * Sends a request that answers without a body and needs no session.
 *
 * @throws AuthError as the client does
 */
export async function post(url: string, body: object): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  if (response.ok) return
  const problem = await response.json().catch(() => ({}))
  throw new AuthError(response.status, problem, Number(response.headers.get('retry-after')) || 0)
}
