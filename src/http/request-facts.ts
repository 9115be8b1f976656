import type { FastifyRequest } from 'fastify'
import { FIRST_PARTY_CLIENT_ID } from '../domain/sessions/open-session.js'
import type { Concerns, ErrorCode, LatchkeyError } from '../lib/errors.js'

/** What the log says of a request, besides its method, path and status. Ids only: no names, e-mails or tokens. */
export interface RequestFacts extends Concerns {
  /** The code of the error with which the request was answered. */
  code?: ErrorCode
  /** Which check failed, if the answer does not say it. */
  reason?: string
}

/** Not properties of the request: most requests at the route for gateways need none. */
const recorded = new WeakMap<FastifyRequest, RequestFacts>()

/** Records whom a request concerns, as soon as that is known. What was recorded first stays. */
export function recordConcerns(request: FastifyRequest, { userId, sessionId, clientId }: Concerns): void {
  recorded.set(request, { userId, sessionId, clientId, ...defined(recorded.get(request)) })
}

/** Records the error with which a request is answered, and whom it concerns. */
export function recordRefusal(request: FastifyRequest, { code, concerns, reason }: LatchkeyError): void {
  recordConcerns(request, concerns)
  const facts = recorded.get(request)!
  facts.code = code
  if (reason !== undefined) facts.reason = reason
}

/** What is known of a request now. */
export function factsOf(request: FastifyRequest): RequestFacts {
  // Both are null or missing on routes without authentication.
  const principal = request.principal as FastifyRequest['principal'] | null | undefined
  const client = request.client as FastifyRequest['client'] | undefined
  const facts: RequestFacts = {
    userId: principal?.userId,
    sessionId: principal?.sessionId,
    clientId: principal?.clientId ?? client?.clientId,
    ...defined(recorded.get(request)),
  }
  // The sessions that users open themselves have no client of their own.
  if (facts.clientId === FIRST_PARTY_CLIENT_ID) facts.clientId = undefined
  return facts
}

function defined(facts: RequestFacts = {}): RequestFacts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))
}
