import type { FastifyReply } from 'fastify'
import type { LatchkeyError } from '../../../lib/errors.js'
import { type Refusal, refusalOf } from './refusal.js'

/**
 * Sends a refusal as Simple JWT does, with the headers that its status asks for.
 *
 * @param refusal what the four endpoints would say, unless it is given
 */
export function sendRefusal(
  reply: FastifyReply,
  error: LatchkeyError,
  { status, body }: Refusal = refusalOf(error, reply.request.headers['content-type']),
): FastifyReply {
  reply.code(status).type('application/json').header('cache-control', 'no-store')
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="api"')
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(Math.ceil(error.retryAfterSeconds)))
  // The rest of such a request is not waited for.
  if (status === 413 || status === 415 || status === 431) reply.header('connection', 'close')
  // A string passes by the response schemas of the route that was asked, which may belong to another format.
  return reply.send(JSON.stringify(body))
}
