import { LatchkeyError } from '../../lib/errors.js'
import type { Repositories } from '../../postgres/database.js'
import type { ClientPrincipal } from '../clients/client-token.js'
import type { AuthContext } from '../context.js'
import { hasCurrentRoles, type Principal } from '../tokens/access-token.js'
import { ADMIN_ROLE } from './roles.js'

/** Who administers, by a verified token: a user with the role `admin`, or a client with the scope of that name. */
export type Administrator = { user: Principal } | { client: ClientPrincipal }

/**
 * Checks in Postgres that the user of a verified token administers at this moment: the session is alive, and both the
 * user and the token have the role. The token alone may be older than a demotion; the user alone is not enough, as the
 * session may have been opened by a client, which gives its tokens no roles.
 *
 * @throws LatchkeyError token_revoked, token_stale, insufficient_role
 */
export async function checkAdministrator({ db }: Pick<AuthContext, 'db'>, principal: Principal): Promise<void> {
  const { dialect } = principal
  const user = await db.introspection.userOf(principal)
  if (!user) throw new LatchkeyError('token_revoked', { dialect })
  if (!hasCurrentRoles(principal, user)) throw new LatchkeyError('token_stale', { dialect })
  if (!principal.roles.includes(ADMIN_ROLE) || !user.roles.includes(ADMIN_ROLE))
    throw new LatchkeyError('insufficient_role')
}

/**
 * The context in which an administrator acts. Each transaction first holds the administrator to the role, or the client to
 * its scope: a request may be under way for long, waiting for a hash or a row, and what it does must not outlast a
 * demotion that was committed meanwhile.
 */
export function administratorContext(context: AuthContext, administrator: Administrator): AuthContext {
  const { db } = context
  return {
    ...context,
    db: {
      ...db,
      transaction: work =>
        db.transaction(async repositories => {
          await lockAdministrator(repositories, administrator)
          return work(repositories)
        }),
    },
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
