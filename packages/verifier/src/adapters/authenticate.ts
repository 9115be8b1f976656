import type { Renew, Renewal } from '../renew.js'
import type { Principal, Verifier } from '../types.js'
import { VerifierError } from '../verifier-error.js'
import { isFromOwnSite, onlyReads } from './own-site.js'
import { isRefusal } from './refusal.js'
import { bearerToken, cookieValues, type SentRequest } from './sent-token.js'

export type { Renew, Renewal }

/** What every adapter accepts. */
export interface AuthenticateOptions {
  /**
   * Also accepts an access token from the cookie with this name, if the request has no `Authorization` header. Set it
   * only if Latchkey runs with ACCESS_COOKIE=on and its cookies reach this service.
   */
  readonly cookie?: string
  /**
   * The origins of the pages that can change something with the cookie: `https://app.example.com`. By default only pages
   * of this very host can. Set it if a gateway changes the header `Host`, or if pages are on another host.
   */
  readonly origins?: readonly string[]
  /** Admits requests without a token too; then there is no principal. A token that is refused stays refused. */
  readonly optional?: boolean
  /**
   * Renews a missing or expired access cookie with the refresh cookie of the same request: `createRenew(…)` of
   * `@latchkey/verifier/renew`.
   */
  readonly renew?: Renew
}

/** Whose request it is, or why it is refused. */
export interface Authentication {
  /** Undefined if the request is refused, or has no token and none is required. */
  readonly principal?: Principal | undefined
  /** Set if the request is refused. Usually a VerifierError. */
  readonly error?: unknown
  /** The values of the headers `Set-Cookie` that the answer must have, also if the request is refused. */
  readonly setCookies: readonly string[]
}

/** Finds the access token of a request and verifies it. Never throws, and its promise never rejects. */
export type Authenticator = (request: SentRequest) => Authentication | Promise<Authentication>

/**
 * Creates the function by which every adapter authenticates. Its answer is no promise for a token that is known, so that
 * most requests do not wait.
 *
 * @param options were checked by the adapter: see `checkAdapter`
 * @param answer whether the answers to the requests can set cookies; if not, a token is renewed without them
 */
export function createAuthenticator(
  verifier: Verifier,
  options: AuthenticateOptions = {},
  answer: { setsCookies: boolean } = { setsCookies: true },
): Authenticator {
  const { cookie, origins, optional = false, renew } = options
  /** A guard can run twice for a request, whose cookie is still the old one then. */
  const renewed = new WeakMap<SentRequest, string>()

  function ofToken(token: string): Authentication | Promise<Authentication> {
    const principal = verifier.verifyKnown(token)
    return principal ? { principal, setCookies: NONE } : verifier.verify(token).then(admitted, refused)
  }

  function ofCookie(request: SentRequest, name: string): Authentication | Promise<Authentication> {
    const tokens = cookieValues(request.headers, name)
    if (tokens.length === 0 && !renew) return missing()
    if (!onlyReads(request) && !isFromOwnSite(request.headers, origins)) {
      // Without a cookie there is nothing that another site could misuse.
      if (tokens.length === 0) return missing()
      return refused(new VerifierError('cross_site_request'))
    }
    const token = renewed.get(request) ?? (tokens.length === 1 ? tokens[0] : undefined)
    if (token !== undefined && !renew && !optional) return ofToken(token)
    return ofCookies(request, token === undefined ? tokens : [token])
  }

  async function ofCookies(request: SentRequest, tokens: readonly string[]): Promise<Authentication> {
    const found = tokens.length === 0 ? missing() : await newestValid(verifier, tokens)
    if (found.principal || !canBeRenewed(found.error)) return found
    try {
      const renewal = await renew?.(request, answer.setsCookies ? {} : { rotate: false })
      const accessToken = renewal?.accessToken
      if (accessToken !== undefined) {
        const { principal, error } = await verifier.verify(accessToken).then(admitted, refused)
        if (principal) renewed.set(request, accessToken)
        return { principal, error, setCookies: renewal!.setCookies }
      }
      // A page that everybody can see is shown to a browser whose session is over, too.
      return { error: optional ? undefined : found.error, setCookies: renewal?.setCookies ?? NONE }
    } catch (error) {
      return refused(error)
    }
  }

  function missing(): Authentication {
    return optional ? NOBODY : refused(new VerifierError('authentication_required'))
  }

  return request => {
    try {
      const token = bearerToken(request)
      if (token !== undefined) return ofToken(token)
      return cookie === undefined ? missing() : ofCookie(request, cookie)
    } catch (error) {
      return refused(error)
    }
  }
}

const NONE: readonly string[] = []
const NOBODY: Authentication = { setCookies: NONE }

function admitted(principal: Principal): Authentication {
  return { principal, setCookies: NONE }
}

function refused(error: unknown): Authentication {
  return { error, setCookies: NONE }
}

/**
 * The newest valid token of several cookies, because a browser also sends those of an old domain or path. If none is
 * valid, the error of the first one.
 */
async function newestValid(verifier: Verifier, tokens: readonly string[]): Promise<Authentication> {
  const answers = await Promise.all(
    tokens.slice(0, MAX_COOKIES).map(token => verifier.verify(token).then(admitted, refused)),
  )
  const valid = answers.filter(({ principal }) => principal !== undefined)
  return valid.reduce(
    (newest, answer) => (answer.principal!.issuedAt > newest.principal!.issuedAt ? answer : newest),
    valid[0] ?? answers[0]!,
  )
}

/** Verifying each one costs a signature check. */
const MAX_COOKIES = 4

/** Whether a new token could be accepted. After a sign-out it could not, and a list that is too old says nothing. */
function canBeRenewed(error: unknown): boolean {
  return error === undefined || (isRefusal(error) && error.status === 401 && error.code !== 'token_revoked')
}
