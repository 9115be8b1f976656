import type { FastifyReply } from 'fastify'
import type { Principal } from '../auth/principal.js'

/** What a gateway passes on to the service behind it. */
export function withIdentity(reply: FastifyReply, { userId, sessionId, roles }: Principal): FastifyReply {
  return reply
    .header('Cache-Control', 'no-store')
    .header('X-Auth-Subject', userId)
    .header('X-Auth-Session', sessionId)
    .header('X-Auth-Roles', roles.join(','))
}
