import { grantOf, now, type TokenAnswer } from './grant.js'
import { jsonOf, jsonRequest, saysSignedOut } from './requests.js'
import type { User } from './types.js'

/** Who sent a request to a server that renders pages. */
export interface ServerSession {
  user: User
  sessionId: string
  /** For requests to other services while this page is rendered. Do not send it to the browser. */
  accessToken: string
}

export interface ReadSessionOptions {
  /** Where this server reaches Latchkey. */
  baseUrl: string
  /** The name of the refresh cookie. By default `__Host-latchkey`; the prefix depends on the settings of Latchkey. */
  cookie?: string
  /** How long to wait, in milliseconds. By default 5000. */
  timeoutMs?: number
}

/**
 * Reads the session of a request without changing anything: no token is rotated and no cookie is set (`rotate: false`).
 * So any number of components of one page can ask at once.
 *
 * @param request of the fetch API, or of `node:http`
 * @returns null if nobody is signed in, or if a newer cookie is on its way to the browser
 * @throws AuthError if Latchkey answers 429 or 5xx; `TypeError` if it cannot be reached. Nobody is signed out by this
 */
export async function readSession(
  request: { headers: { get(name: string): string | null } | { cookie?: string | undefined } },
  { baseUrl, cookie = '__Host-latchkey', timeoutMs = 5000 }: ReadSessionOptions,
): Promise<ServerSession | null> {
  const { headers } = request
  const header =
    'get' in headers && typeof headers.get === 'function'
      ? headers.get('cookie')
      : (headers as { cookie?: string }).cookie
  const cookies = ownCookies(header ?? '', cookie)
  if (!cookies) return null
  const init = jsonRequest('POST', { rotate: false })
  const response = await fetch(`${baseUrl.replace(/\/$/, '')}/auth/refresh`, {
    ...init,
    headers: { ...init.headers, cookie: cookies },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  })
  try {
    const { user, sessionId, token } = grantOf(await jsonOf<TokenAnswer>(response), now())
    return { user, sessionId, accessToken: token }
  } catch (error) {
    if (saysSignedOut(error)) return null
    throw error
  }
}

/** The refresh cookie and its slots (`name-3f1`). The cookies of other services stay here. */
function ownCookies(header: string, name: string): string {
  const isOwn = (cookie: string) =>
    cookie === name || (cookie.startsWith(`${name}-`) && /^[0-9a-f]{3}$/.test(cookie.slice(name.length + 1)))
  return header
    .split(/; */)
    .filter(pair => isOwn(pair.split('=', 1)[0]!))
    .join('; ')
}
