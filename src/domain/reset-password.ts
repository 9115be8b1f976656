import { LatchkeyError } from '../lib/errors.js'
import { type AuthContext, type Caller, commitAndAnnounce } from './context.js'
import { deviceGrant } from './device-grant.js'
import { hashOfResetToken, readPasswordResetToken } from './password-reset-token.js'
import { checkNewPassword } from './passwords/check-new-password.js'
import { endAllSessions } from './sessions/end-sessions.js'
import { deviceDetails, openSession } from './sessions/open-session.js'
import { type Grant, grantTokens } from './tokens/grant-tokens.js'

export interface PasswordReset {
  /** As `issuePasswordReset` made it. */
  token: string
  newPassword: string
  transport: 'cookie' | 'body'
  /** False for a session that the browser shall forget. */
  remember?: boolean | undefined
  /** What the browser kept of earlier sign-ins. */
  deviceCookie?: string | undefined
}

/**
 * Sets a new password with a one-time token and signs in with it; every session there was ends. A password that is
 * refused leaves the token as it was.
 *
 * @throws LatchkeyError reset_token_invalid, busy, and what {@link checkNewPassword} throws
 */
export async function resetPassword(context: AuthContext, reset: PasswordReset, caller: Caller): Promise<Grant> {
  const { config, db, passwords, secrets } = context
  const token = readPasswordResetToken(reset.token, secrets.resetKeys)
  const tokenHash = token && hashOfResetToken(token)
  // Looked at before anything is hashed, so that a dead token costs no hash; what counts is that it is taken below.
  const user = token && tokenHash && (await db.passwordResets.findUser(token.userId, tokenHash))
  if (!user || !tokenHash) throw new LatchkeyError('reset_token_invalid')
  checkNewPassword(reset.newPassword, {
    email: user.email,
    minLength: config.passwordMinLength,
    field: 'new_password',
  })
  const passwordHash = await passwords.hash(reset.newPassword, true)

  const session = await commitAndAnnounce(context, async repositories => {
    // This holds the user's row, so that another who uses the token, or changes the password, comes before or after.
    const changed = await repositories.users.resetPassword(user.id, passwordHash)
    const taken = changed && (await repositories.passwordResets.take(user.id, tokenHash))
    if (!taken) throw new LatchkeyError('reset_token_invalid')
    await endAllSessions(repositories, changed, 'password_reset')
    const { transport, remember } = reset
    const fence = { tokenVersion: changed.tokenVersion, passwordHash }
    const session = await openSession(context, repositories, { userId: user.id, fence, transport, remember, caller })
    if (!session) throw new Error('an account changed while its row was held')
    const event = { userId: user.id, sessionId: session.facts.sessionId, actor: 'user', ...caller }
    await repositories.securityEvents.add({ ...event, type: 'password_reset', ...deviceDetails(session) })
    return session
  })
  const device = deviceGrant(context, { ...reset, userId: user.id })
  return { ...grantTokens(context, session.facts, session.refreshToken), device }
}
