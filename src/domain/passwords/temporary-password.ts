import { randomBytes } from 'node:crypto'
import { LatchkeyError } from '../../lib/errors.js'
import { getUser } from '../accounts/find-users.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext } from '../context.js'
import { endAllSessions } from '../sessions/end-sessions.js'

/**
 * Replaces a password by a temporary one, which must be changed at the next sign-in. Every session of the account is
 * revoked, because anyone who knew the old password may have one. An issued password reset token is invalidated.
 *
 * @returns the password, which is not stored and cannot be shown again
 * @throws LatchkeyError user_not_found, busy
 */
export async function setTemporaryPassword(
  context: Pick<AuthContext, 'db' | 'passwords' | 'revocations'>,
  id: string,
  actor: string,
): Promise<string> {
  await getUser(context, id)
  const temporaryPassword = newTemporaryPassword()
  const passwordHash = await context.passwords.hash(temporaryPassword)
  await commitAndAnnounce(context, async repositories => {
    const user = await repositories.users.setTemporaryPassword(id, passwordHash)
    if (!user) throw new LatchkeyError('user_not_found')
    await repositories.passwordResets.removeOf(id)
    await repositories.oneTimeTokens.removeOf(id, ['confirm_email'])
    await endAllSessions(repositories, user, 'temporary_password_set')
    await repositories.securityEvents.add({ type: 'temporary_password_set', userId: user.id, actor })
  })
  return temporaryPassword
}

/** A password of 120 random bits. */
export function newTemporaryPassword(): string {
  return randomBytes(15).toString('base64url')
}
