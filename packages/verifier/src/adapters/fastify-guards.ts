import type { Principal, Verifier } from '../types.js'
import { checkAdapter, errorsOption } from './adapter-options.js'
import { answerHeaders, issuerNowSeconds } from './answer-headers.js'
import { type AuthenticateOptions, type Authentication, createAuthenticator } from './authenticate.js'
import { keepCookies } from './kept-cookies.js'
import { isRefusal, refusalFor, refusalHeaders } from './refusal.js'
import { type Requirement, recentAuthRequirement, roleRequirement } from './requirements.js'
import type { SentRequest } from './sent-token.js'

// The types use none of Fastify's, so that any copy of Fastify fits and an application compiles without skipLibCheck.

export interface GuardOptions extends Omit<AuthenticateOptions, 'optional'> {
  /**
   * How a refused request is answered. `answer`: with problem details, as Latchkey does. `throw`: a VerifierError is
   * thrown, and the error handler of the application answers; the headers are set.
   */
  readonly errors?: 'answer' | 'throw'
}

/** A hook for `onRequest`, `preValidation` or `preHandler` of a route, or for `addHook`. */
export type GuardHook = (request: GuardedRequest, reply: GuardedReply, done: (error?: Error) => void) => void

/** The part of a request that a guard uses. */
export interface GuardedRequest {
  readonly id: unknown
  readonly raw: SentRequest
  /** The context of the route. */
  readonly server: object
}

/** The part of a reply that a guard uses. */
export interface GuardedReply {
  readonly sent: boolean
  /** The answer of Node. */
  readonly raw: object
  header(name: string, value: string): unknown
  code(status: number): unknown
  send(body: string): unknown
}

/** The hooks of one verifier. */
export interface Guards {
  /** Admits only requests with a valid access token, and sets `request.principal`. */
  readonly authenticate: GuardHook
  /** Admits requests without a token too: then `request.principal` is null. A refused token stays refused. */
  readonly authenticateOptional: GuardHook
  /** As `authenticate`, and the user must have one of these roles. */
  requireRole(role: string, ...others: readonly string[]): GuardHook
  /** As `authenticate`, and the user must have signed in at most this many seconds ago (RFC 9470). */
  requireRecentAuth(maxAgeSeconds: number): GuardHook
}

/**
 * Creates the hooks without a plugin. They need `app.decorateRequest('principal', null)`.
 *
 * @throws TypeError if the options are wrong
 */
export function createGuards(verifier: Verifier, guardOptions: GuardOptions = {}): Guards {
  checkAdapter('createGuards', verifier, guardOptions, errorsOption('throw'))
  const { errors = 'answer', ...options } = guardOptions
  const required = createAuthenticator(verifier, options)
  const ifPresent = createAuthenticator(verifier, { ...options, optional: true })
  const refuse = errors === 'throw' ? refuseByThrowing : refuseByAnswering

  function hook(identify: typeof required, requirement?: Requirement): GuardHook {
    return (request, reply, done) => {
      const conclude = (authentication: Authentication) => {
        keepCookies(reply.raw, authentication.setCookies)
        for (const [name, value] of answerHeaders(authentication, verifier)) reply.header(name, value)
        const { principal, error } = authentication
        if (error !== undefined) return refuse(error, request, reply, done)
        try {
          if (principal) requirement?.(principal)
        } catch (thrown) {
          return refuse(thrown, request, reply, done)
        }
        ;(request as { principal?: Principal | null }).principal = principal ?? null
        done()
      }
      const authentication = identify(request.raw)
      if (authentication instanceof Promise) authentication.then(conclude).catch(done)
      else conclude(authentication)
    }
  }

  return {
    authenticate: hook(required),
    authenticateOptional: hook(ifPresent),
    requireRole: (...roles) => hook(required, roleRequirement(roles)),
    requireRecentAuth: maxAgeSeconds =>
      hook(
        required,
        recentAuthRequirement(maxAgeSeconds, () => issuerNowSeconds(verifier)),
      ),
  }
}

function refuseByAnswering(error: unknown, { id }: GuardedRequest, reply: GuardedReply, done: Done): void {
  if (!isRefusal(error)) {
    done(error as Error)
    return
  }
  if (reply.sent) return
  const { status, headers, body } = refusalFor(error, String(id))
  for (const [name, value] of Object.entries(headers)) reply.header(name, value)
  reply.code(status)
  // A text is not serialised by the schema of the route.
  reply.send(body)
}

function refuseByThrowing(error: unknown, _request: GuardedRequest, reply: GuardedReply, done: Done): void {
  if (isRefusal(error) && !reply.sent)
    for (const [name, value] of Object.entries(refusalHeaders(error))) reply.header(name, value)
  done(error as Error)
}

type Done = Parameters<GuardHook>[2]
