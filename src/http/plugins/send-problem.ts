import type { FastifyReply } from 'fastify'
import type { LatchkeyError } from '../../lib/errors.js'
import { toProblem } from './to-problem.js'

/** Sends a refusal as problem details, with the headers that its status asks for. */
export function sendProblem(reply: FastifyReply, error: LatchkeyError): FastifyReply {
  reply.code(error.status).type('application/problem+json').header('cache-control', 'no-store')
  // RFC 9110 wants a challenge on every 401, RFC 6750 a reason where a token was sent.
  if (error.status === 401) {
    reply.header('www-authenticate', error.code.startsWith('token_') ? 'Bearer error="invalid_token"' : 'Bearer')
  }
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(Math.ceil(error.retryAfterSeconds)))
  // The rest of such a request is not waited for.
  if (UNREAD_STATUSES.has(error.status)) reply.header('connection', 'close')
  // A string passes by the route's response schemas, which may belong to another format.
  return reply.send(JSON.stringify(toProblem(error, reply.request.id)))
}

const UNREAD_STATUSES = new Set([413, 415, 431])
