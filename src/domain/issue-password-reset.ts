import { LatchkeyError } from '../lib/errors.js'
import { findId } from './administer-users.js'
import type { AuthContext } from './context.js'
import { hashOfResetToken, newPasswordResetToken, writePasswordResetToken } from './password-reset-token.js'

/** What the operator's mailer sends. */
export interface IssuedPasswordReset {
  /** It is not kept anywhere and can't be shown again. */
  token: string
  userId: string
  /** Send it here and nowhere else: the address in its normal form. */
  email: string
  expiresAt: Date
}

/**
 * Issues a one-time token with which a user sets a new password; one that was issued before can't be used any more.
 * The user's password and sessions stay as they are until it is used.
 *
 * @param name the e-mail or the id of the account
 * @param actor who does it, for the event
 * @throws LatchkeyError user_not_found, account_disabled
 */
export async function issuePasswordReset(
  context: Pick<AuthContext, 'config' | 'db' | 'secrets'>,
  name: string,
  actor: string,
): Promise<IssuedPasswordReset> {
  const { config, db, secrets } = context
  const token = newPasswordResetToken(await findId(context, name))
  const { userId } = token
  const { email, expiresAt } = await db.transaction(async repositories => {
    const user = await repositories.users.findById(userId)
    if (!user) throw new LatchkeyError('user_not_found')
    const tokenHash = hashOfResetToken(token)
    const ttlSeconds = config.passwordResetTtlSeconds
    const expiresAt = await repositories.passwordResets.issue({ userId, tokenHash, ttlSeconds })
    if (!expiresAt) throw new LatchkeyError('account_disabled')
    await repositories.securityEvents.add({ type: 'password_reset_issued', userId, actor })
    return { email: user.email, expiresAt }
  })
  return { token: writePasswordResetToken(token, secrets.resetKeys), userId, email, expiresAt }
}
