import { checkAdapter, OPTIONAL, REQUIREMENTS } from './adapters/adapter-options.js'
import { answerHeaders, type Header, isForCaches, issuerNowSeconds } from './adapters/answer-headers.js'
import { type AuthenticateOptions, createAuthenticator } from './adapters/authenticate.js'
import { isRefusal, refusalFor } from './adapters/refusal.js'
import { type Requirement, recentAuthRequirement, roleRequirement } from './adapters/requirements.js'
import type { SentRequest } from './adapters/sent-token.js'
import type { Principal, Verifier } from './types.js'
import { VerifierError } from './verifier-error.js'

export type { AuthenticateOptions, Renew, Renewal } from './adapters/authenticate.js'

export interface WebOptions extends AuthenticateOptions {
  /** The user must have one of these roles. */
  readonly roles?: readonly string[]
  /** The user must have signed in at most this many seconds ago (RFC 9470). */
  readonly maxAgeSeconds?: number
}

/** A request that was admitted. */
export interface Admitted<Who = Principal> {
  readonly principal: Who
  /**
   * Adds to an answer what the browser must get: the cookies of a renewed token, and `X-Token-Refresh-Required`. Returns
   * the answer, or a copy if its headers cannot be changed.
   */
  complete(response: Response): Response
}

/**
 * Authenticates a request of the fetch API: Hono, Next.js, Bun, Deno and others. Returns the principal, or the `Response`
 * with which to answer:
 *
 *     const admitted = await authenticate(verifier, request)
 *     if (admitted instanceof Response) return admitted
 *     return admitted.complete(Response.json({ user: admitted.principal.userId }))
 *
 * @throws TypeError if the options are wrong
 */
export async function authenticate(
  verifier: Verifier,
  request: Request,
  options: WebOptions & { readonly optional: true },
): Promise<Admitted<Principal | undefined> | Response>
export async function authenticate(
  verifier: Verifier,
  request: Request,
  options?: WebOptions,
): Promise<Admitted | Response>
export async function authenticate(
  verifier: Verifier,
  request: Request,
  options: WebOptions = {},
): Promise<Admitted<Principal | undefined> | Response> {
  checkAdapter('authenticate', verifier, options, { ...REQUIREMENTS, ...OPTIONAL })
  return createGuard(verifier, options)(request)
}

/**
 * Wraps a handler, so that it is called only with a principal: a route handler of Next.js, `fetch` of Bun, a handler of
 * Deno. Other arguments are passed on, and the answer is completed.
 *
 *     export const GET = protect(verifier, (request, principal) => Response.json({ user: principal.userId }))
 *
 * @throws TypeError if the options are wrong
 */
export function protect<Sent extends Request, Rest extends unknown[]>(
  verifier: Verifier,
  handler: (request: Sent, principal: Principal, ...rest: Rest) => Response | Promise<Response>,
  options: Omit<WebOptions, 'optional'> = {},
): (request: Sent, ...rest: Rest) => Promise<Response> {
  if (typeof handler !== 'function')
    throw new TypeError('protect: give a handler: protect(verifier, handler, options).')
  checkAdapter('protect', verifier, options, REQUIREMENTS)
  const guard = createGuard(verifier, options)
  return async (request, ...rest) => {
    const admitted = await guard(request)
    if (admitted instanceof Response) return admitted
    return admitted.complete(await handler(request, admitted.principal as Principal, ...rest))
  }
}

function createGuard(verifier: Verifier, { roles, maxAgeSeconds, ...options }: WebOptions) {
  const identify = createAuthenticator(verifier, options)
  const requirements: Requirement[] = []
  if (roles !== undefined) requirements.push(roleRequirement(roles))
  if (maxAgeSeconds !== undefined)
    requirements.push(recentAuthRequirement(maxAgeSeconds, () => issuerNowSeconds(verifier)))

  return async (request: Request): Promise<Admitted<Principal | undefined> | Response> => {
    const authentication = await identify(sentRequest(request))
    const { principal } = authentication
    const complete = (response: Response) => withHeaders(response, answerHeaders(authentication, verifier))
    try {
      if (authentication.error !== undefined) throw authentication.error
      if (requirements.length > 0 && !principal) throw new VerifierError('authentication_required')
      for (const require of requirements) require(principal!)
    } catch (error) {
      if (!isRefusal(error)) throw error
      const { status, headers, body } = refusalFor(error)
      return complete(new Response(body, { status, headers }))
    }
    return { principal, complete }
  }
}

/** What authentication reads of a request. */
function sentRequest({ method, headers, url }: Request): SentRequest {
  const plain: Record<string, string | string[]> = { host: new URL(url).host }
  for (const [name, value] of headers) plain[name] = value
  // The fetch API joins repeated headers. A token contains no comma.
  const authorization = headers.get('authorization')
  if (authorization?.includes(',')) plain.authorization = authorization.split(',')
  return { method, headers: plain }
}

/** Adds headers to an answer, or to a copy of one whose headers cannot be changed: that of `Response.redirect` or `fetch`. */
function withHeaders(response: Response, headers: readonly Header[]): Response {
  if (headers.length === 0) return response
  try {
    addAll(response.headers, headers)
    return response
  } catch {
    const copy = new Response(response.body, response)
    addAll(copy.headers, headers)
    return copy
  }
}

function addAll(target: Headers, headers: readonly Header[]): void {
  if (headers.some(([name]) => name === 'set-cookie'))
    for (const name of [...target.keys()].filter(isForCaches)) target.delete(name)
  for (const [name, value] of headers) {
    if (name === 'set-cookie') target.append(name, value)
    else target.set(name, value)
  }
}
