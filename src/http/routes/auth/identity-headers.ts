import type { FastifyReply } from 'fastify'
import { encodedRole } from '../../../domain/accounts/roles.js'
import type { Principal } from '../../../domain/tokens/access-token.js'

/** What a gateway passes on to the service behind it. (Names in lower case are not copied once more on the way.) */
export function setIdentityHeaders(
  reply: FastifyReply,
  { userId, sessionId, roles }: Pick<Principal, 'userId' | 'sessionId' | 'roles'>,
): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .header('x-auth-subject', userId)
    .header('x-auth-session', sessionId)
    .header('x-auth-roles', rolesHeader(roles))
}

/** With commas between them. Nearly always none of them has anything to encode, which is known at one look. */
function rolesHeader(roles: readonly string[]): string {
  const joined = roles.join(',')
  return NEEDS_NO_ENCODING.test(joined) ? joined : roles.map(encodedRole).join(',')
}

const NEEDS_NO_ENCODING = /^[A-Za-z0-9_.:,-]*$/
