import { AuthError } from '@latchkey/client'
import { base, client } from './page.js'
import * as texts from './texts/en.js'

const TIMEOUT_MS = 15_000

/**
 * Sends a request that the client has no method for, as the signed-in user if there is one. It is not repeated after a 401,
 * which usually means that a password or a link is wrong.
 *
 * @throws AuthError as the client does
 */
export async function request(method: string, path: string, body?: object): Promise<Response> {
  const token = client.user && (await client.getAccessToken())
  const response = await fetch(base + path, {
    method,
    headers: {
      // A letter is in the language of the page, which the browser does not know.
      'accept-language': texts.language,
      ...(body && { 'content-type': 'application/json' }),
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: body ? JSON.stringify(body) : null,
    // What is read can be long.
    signal: method === 'GET' ? null : AbortSignal.timeout(TIMEOUT_MS),
  })
  if (response.ok) return response
  const problem = await response.json().catch(() => ({}))
  throw new AuthError(response.status, problem, Number(response.headers.get('retry-after')) || 0)
}
