/**
 * The session of a page's request: for the proxy, which can set cookies, and for the server components, which cannot.
 * Nothing here is of Next, so that it serves for any framework.
 *
 * LATCHKEY_ISSUER: the `iss` of the tokens; http://localhost:3000 by default
 * LATCHKEY_URL: where this server reaches Latchkey, if not at the issuer
 * LATCHKEY_COOKIE: the name of the refresh cookie, with its prefix; __Host-latchkey by default
 */
import { createVerifier } from '@latchkey/verifier'
import { cookiesAfter, createRenew } from '@latchkey/verifier/renew'

const { LATCHKEY_ISSUER: issuer = 'http://localhost:3000', LATCHKEY_URL: baseUrl = issuer } = process.env
const { LATCHKEY_COOKIE: refreshCookie = '__Host-latchkey' } = process.env
const ACCESS_COOKIE = `${refreshCookie}-at`

const verifier = createVerifier({ issuer, baseUrl })
const renew = createRenew({ baseUrl, refreshCookie })

/**
 * In the proxy: refreshes before a page is rendered, if the access cookie is missing, refused or about to expire.
 * Returns undefined if there is nothing to change.
 *
 * @param {Headers} headers of the request
 * @returns {Promise<{ cookie: string, setCookies: readonly string[] } | undefined>} `setCookies` for the browser, and
 *   the header Cookie with which the page is rendered
 */
export async function renewCookies(headers) {
  const principal = await principalOf(accessTokenIn(headers.get('cookie')))
  if (principal && principal.expiresAt - Date.now() / 1000 > 60) return undefined
  try {
    const renewal = await renew(requestOf(headers))
    if (!renewal) return undefined
    const { setCookies } = renewal
    return { setCookies, cookie: cookiesAfter(headers.get('cookie'), setCookies) }
  } catch (error) {
    // Latchkey cannot be asked. A page that needs no session is served all the same.
    if (error.code === 'refresh_unavailable') return undefined
    throw error
  }
}

/**
 * In the components: the session of the request. It changes nothing, so any number of components can ask, at the same
 * time and again.
 *
 * @param {Headers} headers of the request, as the proxy passed them on
 * @returns {Promise<{ accessToken?: string, principal?: import('@latchkey/verifier').Principal, refusal?: string }>}
 *   without an access token if nobody is signed in; then `refusal` is Latchkey's error code, if the request had a cookie
 * @throws VerifierError with the status 503, if that cannot be decided now. Do not send the user to the sign-in.
 */
export async function sessionOf(headers) {
  const sent = accessTokenIn(headers.get('cookie'))
  const principal = await principalOf(sent)
  if (principal) return { accessToken: sent, principal }
  const { accessToken, refusal } = (await renew(requestOf(headers), { rotate: false })) ?? {}
  if (accessToken === undefined) return { refusal }
  return { accessToken, principal: await verifier.verify(accessToken) }
}

/** Undefined if the token is missing or refused. */
async function principalOf(token) {
  try {
    return token && (await verifier.verify(token))
  } catch (error) {
    if (error.status === 401) return undefined
    throw error
  }
}

function accessTokenIn(cookies) {
  const pair = (cookies ?? '').split('; ').find(pair => pair.startsWith(`${ACCESS_COOKIE}=`))
  return pair?.slice(ACCESS_COOKIE.length + 1)
}

function requestOf(headers) {
  return { headers: Object.fromEntries(headers) }
}
