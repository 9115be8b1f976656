import { encodedRole, type Principal } from '@latchkey/verifier/core'
import type { FastifyReply } from 'fastify'

/** The headers that setIdentityHeaders sets, for the OpenAPI document. */
export const IDENTITY_HEADERS = ['X-Auth-Subject', 'X-Auth-Session', 'X-Auth-Roles'] as const

/** Sets the headers that a gateway passes on to the service. (Fastify does not copy names in lower case again.) */
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

/** Separated by commas. Nearly always no role needs encoding, which one check of the joined text finds out. */
function rolesHeader(roles: readonly string[]): string {
  const joined = roles.join(',')
  return NEEDS_NO_ENCODING.test(joined) ? joined : roles.map(encodedRole).join(',')
}

const NEEDS_NO_ENCODING = /^[A-Za-z0-9_.:,-]*$/
