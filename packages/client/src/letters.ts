import { pageOrigin } from './page.js'
import { jsonOf, jsonRequest, TIMEOUT_MS } from './requests.js'
import type { AuthClient } from './types.js'

/**
 * The letters to the owner of an account, and what their links do. Every method can throw what those of the client throw.
 * A token is what comes after the `=` in the fragment of the link: `#verify=…`, `#email=…`, `#not-me=…`. For
 * `#reset=…` there is `client.resetPassword`.
 */
export interface Letters {
  /** Asks for a link for a new password. It resolves in the same way for an address without an account. */
  forgotPassword(email: string): Promise<void>
  /** Confirms the address of an account, or makes the account of a registration. Then let the user sign in. */
  verifyEmail(token: string): Promise<void>
  /** Asks for another letter to confirm the address of the signed-in user. */
  resendVerification(): Promise<void>
  /** Asks for a letter to a new address of the signed-in user. */
  changeEmail(change: { newEmail: string; password: string }): Promise<void>
  /** Changes the address with the token of that letter. */
  confirmEmail(token: string): Promise<void>
  /** Ends every session of the account of a notice and makes its password useless. A letter for a new one is sent. */
  notMe(token: string): Promise<void>
}

/**
 * @param client the client of this page
 * @param options with `baseUrl`, as for the client
 */
export function createLetters(
  client: Pick<AuthClient, 'fetch' | 'getAccessToken'>,
  { baseUrl }: { baseUrl?: string } = {},
): Letters {
  const baseAddress = new URL(baseUrl || '/', pageOrigin).href.replace(/\/$/, '')

  async function post(by: typeof fetch, path: string, body?: object, token?: string): Promise<void> {
    const response = await by(baseAddress + path, {
      ...jsonRequest('POST', body, token),
      credentials: 'include',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    await jsonOf(response)
  }

  return {
    forgotPassword: email => post(fetch, '/auth/forgot-password', { email }),
    verifyEmail: token => post(fetch, '/auth/verify-email', { token }),
    resendVerification: () => post(client.fetch, '/auth/verify-email/resend'),
    // Not repeated after a 401, which usually means that the password is wrong.
    changeEmail: async ({ newEmail, password }) =>
      post(fetch, '/auth/email', { new_email: newEmail, password }, await client.getAccessToken()),
    confirmEmail: token => post(fetch, '/auth/email/confirm', { token }),
    notMe: token => post(fetch, '/auth/not-me', { token }),
  }
}
