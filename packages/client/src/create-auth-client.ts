import { authorizedFetch } from './authorized-fetch.js'
import { now, type TokenAnswer } from './grant.js'
import { addressOf, pageOrigin } from './page.js'
import { jsonOf, jsonRequest, saysSignedOut, TIMEOUT_MS } from './requests.js'
import { keepSession } from './session-keeper.js'
import type { AuthClient, AuthClientOptions, SignedInUser, User } from './types.js'

/**
 * Begins to keep the user of this page signed in. The first thing it does, once the page is seen, is to find out
 * whether somebody is signed in.
 *
 * @throws TypeError if `baseUrl` is not an address, or `transport: 'body'` has no storage
 */
export function createAuthClient(options: AuthClientOptions = {}): AuthClient {
  const { baseUrl, transport = 'cookie', storage, origins = [] } = options
  // Not relative to `<base>`: that of a page can lead to another origin.
  const base = new URL(baseUrl || '/', pageOrigin)
  const baseAddress = base.href.replace(/\/$/, '')
  const inBody = transport === 'body'
  if (inBody === !storage) throw new TypeError('storage needs transport body')
  const listeners = new Set<(user: User | null) => void>()
  const keeper = keepSession({
    baseUrl: baseAddress,
    storage,
    sendRefresh: body => send(fetch, 'POST', '/auth/refresh', body),
    onUser: user => {
      // What a listener throws is its own error.
      for (const listener of listeners) queueMicrotask(() => listener(user))
    },
  })
  const allowed = new Set([base.origin, pageOrigin, ...origins])
  const allows = (url: string | URL) => allowed.has(addressOf(url).origin)
  const authorized = authorizedFetch(keeper, allows)

  async function send<T>(by: typeof fetch, method: string, path: string, body?: object, token?: string): Promise<T> {
    const response = await by(baseAddress + path, {
      ...jsonRequest(method, body, token),
      credentials: inBody ? 'omit' : 'include',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return jsonOf<T>(response)
  }

  async function signIn(path: string, body: object, token?: string): Promise<SignedInUser> {
    const askedAt = now()
    const answer = await send<TokenAnswer>(fetch, 'POST', path, { ...body, transport }, token)
    // There is none after a registration whose address must be confirmed first.
    if (answer !== undefined) await keeper.signIn(answer, askedAt)
    return answer?.deletion_cancelled ? { ...answer.user, deletion_cancelled: true } : (answer?.user as SignedInUser)
  }

  return {
    get user() {
      return keeper.user()
    },
    register: credentials => signIn('/auth/register', credentials),
    login: credentials => signIn('/auth/login', credentials),
    // Not repeated after a 401, which usually means that the password is wrong.
    changePassword: async ({ currentPassword, newPassword, ...other }) =>
      signIn(
        '/auth/change-password',
        { current_password: currentPassword, new_password: newPassword, ...other },
        await keeper.token(),
      ),
    resetPassword: ({ newPassword, ...other }) =>
      signIn('/auth/reset-password', { new_password: newPassword, ...other }),
    async logout({ scope = 'session' } = {}) {
      const sessionId = keeper.sessionId()
      const token = await storage?.get()
      const isOwn = scope === 'session'
      try {
        // Only a live token can end other sessions, and an expired one must be able to end its own.
        const by = isOwn ? fetch : authorized
        await send(by, 'POST', '/auth/logout', { scope, ...(token && { refresh_token: token }) })
      } catch (error) {
        // The session has ended already. That others have, nobody knows.
        if (!isOwn || !saysSignedOut(error)) throw error
      }
      // Another user may have signed in meanwhile.
      if (scope !== 'others' && keeper.sessionId() === sessionId) await keeper.end()
    },
    fetch: authorized,
    getAccessToken: ({ insteadOf } = {}) => (insteadOf ? keeper.tokenAfter(insteadOf) : keeper.token()),
    allows,
    sessions: {
      list: () => send(authorized, 'GET', '/auth/sessions'),
      async revoke(id) {
        await send(authorized, 'DELETE', `/auth/sessions/${encodeURIComponent(id)}`)
        if (id === keeper.sessionId()) await keeper.end()
      },
      revokeOthers: () => send(authorized, 'DELETE', '/auth/sessions/others'),
      rename: (id, label) => send(authorized, 'PATCH', `/auth/sessions/${encodeURIComponent(id)}`, { label }),
    },
    events: (page = {}) =>
      send(authorized, 'GET', `/auth/events?${new URLSearchParams(page as Record<string, string>)}`),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      listeners.clear()
      keeper.close()
    },
  }
}
