import type { FastifyReply } from 'fastify'
import type { Principal } from '../auth/principal.js'

/** What a gateway passes on to the service behind it. (Names in lower case are not copied once more on the way.) */
export function withIdentity(
  reply: FastifyReply,
  { userId, sessionId, roles }: Pick<Principal, 'userId' | 'sessionId' | 'roles'>,
): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .header('x-auth-subject', userId)
    .header('x-auth-session', sessionId)
    .header('x-auth-roles', roles.join(','))
}
