import type { Principal } from '@latchkey/verifier/core'
import { LatchkeyError } from '../../lib/errors.js'
import type { AuthContext } from '../context.js'

/**
 * The user of a verified request, as stored now.
 *
 * @throws LatchkeyError token_revoked if the account was deleted
 */
export async function profile(
  { db }: Pick<AuthContext, 'db'>,
  { userId, roles, claims, tokenType }: Principal,
): Promise<PublicUser> {
  const user = await db.users.findById(userId)
  if (!user) throw new LatchkeyError('token_revoked', { tokenType })
  // The roles and the claims of the token: a service that reads the profile must not allow more than one that reads the token.
  return publicUser({ ...user, emailVerified: user.emailVerifiedAt !== null, roles, claims })
}

/** What a user can see of their own account. */
export interface PublicUser {
  id: string
  email: string
  /** Whether letters to this address arrived. */
  emailVerified: boolean
  username: string | null
  roles: readonly string[]
  claims: Readonly<Record<string, unknown>>
  createdAt: Date
}

export function publicUser(user: PublicUser): PublicUser {
  const { id, email, emailVerified, username, roles, claims, createdAt } = user
  return { id, email, emailVerified, username, roles, claims, createdAt }
}
