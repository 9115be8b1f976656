import type { Principal } from '@latchkey/verifier/core'
import type { AuthContext } from '../domain/context.js'
import { verifyAccessToken } from '../domain/tokens/verify-access-token.js'
import { setChallenge, setErrorHeaders } from '../http/errors/problem.js'
import { toLatchkeyError } from '../http/errors/to-latchkey-error.js'
import { bearerToken, newestValidToken } from '../http/plugins/authenticate.js'
import { isFromOwnSite, SAFE_METHODS } from '../http/plugins/csrf.js'
import { valuesOf } from '../http/plugins/sent-cookies.js'
import { LatchkeyError } from '../lib/errors.js'
import type { GuardedReply, GuardedRequest, GuardHook } from './types.js'

type GuardContext = Pick<AuthContext, 'accessTokens' | 'activity' | 'clock' | 'config'>

export interface Guards {
  authenticate: GuardHook
  requireRole(...roles: readonly string[]): GuardHook
}

/**
 * The guards for routes of an application that contains the service. They accept what the routes of the service accept,
 * and refuse with the same codes and headers; the body of the answer belongs to the application.
 */
export function createGuards(context: GuardContext): Guards {
  const lastFifthSeconds = context.config.accessTokenTtlSeconds / 5

  function admit(request: GuardedRequest, reply: GuardedReply, principal: Principal, roles?: readonly string[]): void {
    if (roles && !roles.some(role => principal.roles.includes(role))) throw new LatchkeyError('insufficient_role')
    ;(request as { principal?: Principal }).principal = principal
    // As the routes of the service: clients refresh without a clock of their own.
    if (principal.expiresAt - context.clock() / 1000 <= lastFifthSeconds)
      reply.header('x-token-refresh-required', 'true')
  }

  function guard(roles?: readonly string[]): GuardHook {
    return (request, reply, done) => {
      const refuse = (thrown: unknown) => {
        const error = toLatchkeyError(thrown)
        setErrorHeaders(reply as never, error)
        setChallenge(reply as never, error)
        done(error)
      }
      let known: Principal | undefined
      try {
        known = verifyKnownBearer(context, request)
        if (known) admit(request, reply, known, roles)
      } catch (error) {
        return refuse(error)
      }
      if (known) return done()
      const admitted = verifyRequest(context, request).then(principal => admit(request, reply, principal, roles))
      admitted.then(() => done(), refuse)
    }
  }

  return { authenticate: guard(), requireRole: (...roles) => guard(roles) }
}

/** Synchronous for a token that is in the cache, so that most requests do not wait for a promise. */
function verifyKnownBearer(
  { accessTokens, activity }: GuardContext,
  { headers }: GuardedRequest,
): Principal | undefined {
  const token = bearerToken(headers.authorization)
  const known = token === undefined ? undefined : accessTokens.verifyKnown(token)
  if (known) activity.record(known.sessionId, known.generation)
  return known
}

async function verifyRequest(context: GuardContext, request: GuardedRequest): Promise<Principal> {
  const token = bearerToken(request.headers.authorization) ?? (await cookieToken(context, request))
  if (token === undefined) throw new LatchkeyError('authentication_required')
  return verifyAccessToken(context, token)
}

/**
 * The access token from its cookie, if ACCESS_COOKIE is on. A browser adds the cookie to requests from pages of other
 * sites too, so these must not change anything.
 */
async function cookieToken(
  { config, accessTokens }: GuardContext,
  request: GuardedRequest,
): Promise<string | undefined> {
  const { method, headers } = request
  const tokens = config.cookie.access ? valuesOf(headers.cookie, config.cookie.accessName) : []
  if (tokens.length === 0) return undefined
  // A page of any site can open a WebSocket, with a GET, and then read and write.
  const onlyReads = SAFE_METHODS.has(method) && headers.upgrade === undefined
  if (!onlyReads && !isFromOwnSite(headers, config)) throw new LatchkeyError('cross_site_request')
  return (await newestValidToken(accessTokens, tokens)) ?? tokens[0]
}
