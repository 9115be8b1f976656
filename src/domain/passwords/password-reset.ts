import { concerning, LatchkeyError } from '../../lib/errors.js'
import { findUserId } from '../accounts/administer-users.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext, Caller } from '../context.js'
import {
  hashOfToken,
  newOneTimeToken,
  type OneTimeToken,
  readOneTimeToken,
  writeOneTimeToken,
} from '../letters/one-time-token.js'
import { issueDeviceCookie } from '../login/device-cookie.js'
import { endAllSessions } from '../sessions/end-sessions.js'
import { openSession } from '../sessions/open-session.js'
import { type Grant, grantTokens } from '../tokens/grant-tokens.js'
import { checkNewPassword } from './check-new-password.js'

export interface PasswordReset {
  /** From `issuePasswordReset`. */
  token: string
  newPassword: string
  transport: 'cookie' | 'body'
  /** False if the browser must forget the session when it closes. */
  remember?: boolean | undefined
  /** The device cookie of the browser. */
  deviceCookie?: string | undefined
}

/**
 * Sets a new password with a one-time token and signs in; every earlier session is revoked. A password that is refused
 * does not use up the token.
 *
 * @throws LatchkeyError reset_token_invalid, busy, and what {@link checkNewPassword} throws
 */
export async function resetPassword(context: AuthContext, reset: PasswordReset, caller: Caller): Promise<Grant> {
  const token = readOneTimeToken(context.secrets, 'password_reset', reset.token)
  if (!token) throw new LatchkeyError('reset_token_invalid')
  return resetBy(token, context, reset, caller).catch((error: unknown) => {
    throw concerning(error, { userId: token.userId })
  })
}

async function resetBy(
  token: OneTimeToken,
  context: AuthContext,
  reset: PasswordReset,
  caller: Caller,
): Promise<Grant> {
  const { config, db, passwords } = context
  const tokenHash = hashOfToken(token)
  // Checked before anything is hashed, so that an invalid token costs no hash. The decision is `take` below.
  const user = await db.passwordResets.findUser(token.userId, tokenHash)
  if (!user) throw new LatchkeyError('reset_token_invalid')
  checkNewPassword(reset.newPassword, {
    email: user.email,
    minLength: config.passwordMinLength,
    field: 'new_password',
  })
  const passwordHash = await passwords.hash(reset.newPassword, true)

  const session = await commitAndAnnounce(context, async repositories => {
    // This locks the user's row, so that another use of the token or change of the password comes before or after.
    const changed = await repositories.users.resetPassword(user.id, passwordHash)
    const taken = changed && (await repositories.passwordResets.take(user.id, tokenHash))
    if (!taken) throw new LatchkeyError('reset_token_invalid')
    await repositories.oneTimeTokens.removeOf(user.id, ['confirm_email'])
    await endAllSessions(repositories, changed, 'password_reset')
    const { transport, remember } = reset
    const fence = { tokenVersion: changed.tokenVersion, passwordHash }
    const signIn = { userId: user.id, fence, transport, remember, caller, eventType: 'password_reset' } as const
    const session = await openSession(context, repositories, signIn)
    if (!session) throw new Error('an account changed while its row was locked')
    return session
  })
  const device = issueDeviceCookie(context, { ...reset, userId: user.id })
  return { ...grantTokens(context, session.facts, session.refreshToken), device }
}

/** What the operator's mailer needs. */
export interface IssuedPasswordReset {
  /** It is not stored and cannot be shown again. */
  token: string
  userId: string
  /** The only address to send it to, in its normal form. */
  email: string
  expiresAt: Date
}

/**
 * Issues a one-time token with which a user sets a new password. Any earlier token is invalidated. The user's password
 * and sessions stay valid until it is used.
 *
 * @param name the e-mail or the id of the account
 * @param actor who issues it, for the event
 * @throws LatchkeyError user_not_found, account_disabled
 */
export async function issuePasswordReset(
  context: Pick<AuthContext, 'config' | 'db' | 'secrets'>,
  name: string,
  actor: string,
): Promise<IssuedPasswordReset> {
  const { config, db, secrets } = context
  const token = newOneTimeToken(await findUserId(context, name))
  const { userId } = token
  const { email, expiresAt } = await db.transaction(async repositories => {
    const user = await repositories.users.findById(userId)
    if (!user) throw new LatchkeyError('user_not_found')
    const tokenHash = hashOfToken(token)
    const ttlSeconds = config.passwordResetTtlSeconds
    const expiresAt = await repositories.passwordResets.issue({ userId, tokenHash, ttlSeconds })
    if (!expiresAt) throw new LatchkeyError('account_disabled')
    await repositories.securityEvents.add({ type: 'password_reset_issued', userId, actor })
    return { email: user.email, expiresAt }
  })
  return { token: writeOneTimeToken(secrets, 'password_reset', token), userId, email, expiresAt }
}
