import { LatchkeyError } from '../../errors.js'
import type { AuthContext } from '../context.js'
import { hasCurrentRoles, type Principal } from '../principal.js'
import { ADMIN_ROLE } from '../roles.js'

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
