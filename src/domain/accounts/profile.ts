import { LatchkeyError } from '../../lib/errors.js'
import type { AuthContext } from '../context.js'
import type { Principal } from '../tokens/access-token.js'

/**
 * The user behind a verified request, as Postgres knows them now.
 *
 * @throws LatchkeyError token_revoked when the account is gone
 */
export async function profile(
  { db }: Pick<AuthContext, 'db'>,
  { userId, roles, dialect }: Principal,
): Promise<PublicUser> {
  const user = await db.users.findById(userId)
  if (!user) throw new LatchkeyError('token_revoked', { dialect })
  // Those of the token: a service that goes by the profile must not give more than one that goes by the token.
  return publicUser({ ...user, roles })
}

/** A user as users see themselves. */
export interface PublicUser {
  id: string
  email: string
  username: string | null
  roles: readonly string[]
  createdAt: Date
}

export function publicUser({ id, email, username, roles, createdAt }: PublicUser): PublicUser {
  return { id, email, username, roles, createdAt }
}
