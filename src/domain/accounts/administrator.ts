import { ADMIN_ROLE, type Principal } from '@latchkey/verifier/core'
import { LatchkeyError } from '../../lib/errors.js'
import type { Repositories } from '../../postgres/database.js'
import type { SecurityEvents } from '../../postgres/security-events.js'
import type { ClientPrincipal } from '../clients/client-token.js'
import type { AuthContext } from '../context.js'
import { hasCurrentRoles } from '../tokens/access-token.js'

/** By a verified token: a user with the role `admin`, or a client with the scope `admin`. */
export type Administrator = { user: Principal } | { client: ClientPrincipal }

/**
 * Checks in Postgres that the user of a verified token is an administrator now: the session is live, and both the user
 * and the token have the role. The token may be older than the loss of the role. The user alone is not enough either:
 * if a client opened the session, its tokens have no roles.
 *
 * @throws LatchkeyError token_revoked, token_stale, insufficient_role
 */
export async function checkAdministrator({ db }: Pick<AuthContext, 'db'>, principal: Principal): Promise<void> {
  const { tokenType } = principal
  const user = await db.introspection.userOf(principal)
  if (!user) throw new LatchkeyError('token_revoked', { tokenType })
  if (!hasCurrentRoles(principal, user)) throw new LatchkeyError('token_stale', { tokenType })
  if (!principal.roles.includes(ADMIN_ROLE) || !user.roles.includes(ADMIN_ROLE))
    throw new LatchkeyError('insufficient_role')
}

/**
 * The context for the request of an administrator. Each transaction first locks the row of the administrator or of the
 * client, and checks the role or the scope again: a request may wait for a hash or a row, and must not succeed after
 * the administrator lost the role. The events of its transactions have the id of the request.
 */
export function administratorContext(
  context: AuthContext,
  administrator: Administrator,
  requestId?: string,
): AuthContext {
  const { db } = context
  return {
    ...context,
    db: {
      ...db,
      transaction: work =>
        db.transaction(async repositories => {
          await lockAdministrator(repositories, administrator)
          return work({ ...repositories, securityEvents: ofRequest(repositories.securityEvents, requestId) })
        }),
    },
  }
}

function ofRequest(securityEvents: SecurityEvents, requestId: string | undefined): SecurityEvents {
  return {
    ...securityEvents,
    add: event => securityEvents.add({ requestId, ...event }),
    addAll: events => securityEvents.addAll(events.map(event => ({ requestId, ...event }))),
  }
}

/** @throws LatchkeyError insufficient_role, token_revoked, insufficient_scope */
async function lockAdministrator({ clients, users }: Repositories, administrator: Administrator): Promise<void> {
  if ('user' in administrator) {
    const { userId, tokenVersion } = administrator.user
    if (!(await users.holdToRole(userId, ADMIN_ROLE, tokenVersion))) throw new LatchkeyError('insufficient_role')
    return
  }
  const scopes = await clients.holdToken(administrator.client)
  if (!scopes) throw new LatchkeyError('token_revoked')
  if (!scopes.includes('admin')) throw new LatchkeyError('insufficient_scope')
}
