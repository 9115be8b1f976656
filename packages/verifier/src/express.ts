import type { IncomingMessage, ServerResponse } from 'node:http'
import { checkAdapter, errorsOption, OPTIONAL } from './adapters/adapter-options.js'
import { answerHeaders, issuerNowSeconds } from './adapters/answer-headers.js'
import { type AuthenticateOptions, type Authentication, createAuthenticator } from './adapters/authenticate.js'
import { isRefusal, refusalHeaders } from './adapters/refusal.js'
import { type Requirement, recentAuthRequirement, roleRequirement } from './adapters/requirements.js'
import { addHeaders, sendRefusal } from './adapters/server-response.js'
import type { Principal, Verifier } from './types.js'
import { VerifierError } from './verifier-error.js'

export type { AuthenticateOptions, Renew, Renewal } from './adapters/authenticate.js'

export interface ExpressOptions extends AuthenticateOptions {
  /**
   * How a refused request is answered. `answer`: with problem details, as Latchkey does. `next`: `next(error)` is called
   * with a VerifierError, and the error handler of the application answers; the headers are set.
   */
  readonly errors?: 'answer' | 'next'
}

/** A request of Express or Connect. */
export type GuardedRequest = IncomingMessage & { principal?: Principal | undefined }

/** Middleware for Express 4 and 5, Connect, and everything that accepts Connect's. */
export type Middleware = (request: GuardedRequest, response: ServerResponse, next: (error?: unknown) => void) => void

/** By which verifier a request was admitted, and how it is refused. */
interface Admission {
  readonly verifier: Verifier
  readonly refuse: Refuse
}

type Refuse = (
  request: GuardedRequest,
  response: ServerResponse,
  next: Parameters<Middleware>[2],
  error: unknown,
) => void

const OPTIONS = { ...OPTIONAL, ...errorsOption('next') }

const admissions = new WeakMap<IncomingMessage, Admission>()

/**
 * Admits only requests with a valid access token, and sets `request.principal`. It calls `next` or answers in any case:
 * no request waits for ever. Register `cors()` before it, because browsers send no token with a preflight.
 *
 * @throws TypeError if the options are wrong
 */
export function authenticate(verifier: Verifier, options: ExpressOptions = {}): Middleware {
  checkAdapter('authenticate', verifier, options, OPTIONS)
  const identify = createAuthenticator(verifier, options)
  const admission = { verifier, refuse: options.errors === 'next' ? passOn : answer }
  return (request, response, next) => {
    const conclude = (authentication: Authentication) => {
      addHeaders(response, answerHeaders(authentication, verifier))
      const { principal, error } = authentication
      if (error !== undefined) return admission.refuse(request, response, next, error)
      request.principal = principal
      admissions.set(request, admission)
      next()
    }
    const authentication = identify(request)
    // Express 4 does not wait for promises, so what goes wrong is given to `next`.
    if (authentication instanceof Promise) authentication.then(conclude).catch(next)
    else conclude(authentication)
  }
}

/**
 * Admits only users with one of these roles. Register it after `authenticate`.
 *
 * @throws TypeError if no role is given
 */
export function requireRole(...roles: readonly string[]): Middleware {
  const requirement = roleRequirement(roles)
  return guard('requireRole', () => requirement)
}

/**
 * Admits only users who signed in at most this many seconds ago; others get the challenge of RFC 9470, by which a client
 * knows that the user must sign in again. Register it after `authenticate`.
 */
export function requireRecentAuth(maxAgeSeconds: number): Middleware {
  // Checked now, not at the first request.
  recentAuthRequirement(maxAgeSeconds, () => 0)
  return guard('requireRecentAuth', verifier => recentAuthRequirement(maxAgeSeconds, () => issuerNowSeconds(verifier)))
}

function guard(name: string, requirementOf: (verifier: Verifier) => Requirement): Middleware {
  return (request, response, next) => {
    const admission = admissions.get(request)
    if (!admission) return next(new Error(`${name} needs authenticate(verifier) before it.`))
    try {
      if (!request.principal) throw new VerifierError('authentication_required')
      requirementOf(admission.verifier)(request.principal)
    } catch (error) {
      return admission.refuse(request, response, next, error)
    }
    next()
  }
}

const answer: Refuse = (request, response, next, error) => {
  if (isRefusal(error)) sendRefusal(response, error, requestIdOf(request, response))
  else next(error)
}

const passOn: Refuse = (_request, response, next, error) => {
  if (isRefusal(error)) addHeaders(response, Object.entries(refusalHeaders(error)))
  next(error)
}

/** The id that a middleware such as pino-http has given to the request. */
function requestIdOf(request: IncomingMessage & { id?: unknown }, response: ServerResponse): string | undefined {
  const id = request.id ?? response.getHeader('x-request-id')
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}

declare global {
  namespace Express {
    interface Request {
      /** Set by `authenticate`. */
      principal?: Principal | undefined
    }
  }
}
