import { LatchkeyError } from '../errors.js'
import type { AuthContext, Caller } from './context.js'
import { deviceGrant } from './device-grant.js'
import { endAllSessions } from './end-sessions.js'
import { type Grant, grantTokens } from './grant-tokens.js'
import { verifyPassword } from './log-in.js'
import { openSession } from './open-session.js'
import { checkNewPassword } from './passwords/check-new-password.js'

export interface PasswordChange {
  email?: string | undefined
  username?: string | undefined
  currentPassword: string
  newPassword: string
  transport: 'cookie' | 'body'
  /** What the browser kept of earlier sign-ins. */
  deviceCookie?: string | undefined
}

/**
 * Changes a password and opens a session with a fresh secret. Every other session ends, the current one too: a thief
 * who holds its parent token must not be handed the successor.
 *
 * @throws LatchkeyError invalid_credentials, rate_limited, busy, and what {@link checkNewPassword} throws
 */
export async function changePassword(context: AuthContext, change: PasswordChange, caller: Caller): Promise<Grant> {
  const { config, db, passwords, revocations } = context
  const user = await verifyPassword(context, { ...change, password: change.currentPassword }, caller)
  checkNewPassword(change.newPassword, { email: user.email, minLength: config.passwordMinLength })
  if (change.newPassword === change.currentPassword) throw new LatchkeyError('password_unchanged')
  const passwordHash = await passwords.hash(change.newPassword)

  const { session, entries } = await db.transaction(async repositories => {
    const changed = await repositories.users.changePassword(user.id, user.passwordHash, passwordHash)
    // The password was changed by somebody else since it was verified, or the account disabled.
    if (!changed) throw new LatchkeyError('invalid_credentials')
    const entries = await endAllSessions(repositories, changed, 'password_changed')
    const fences = { userId: user.id, tokenVersion: changed.tokenVersion, passwordHash }
    const session = await openSession(context, repositories, { ...fences, transport: change.transport, caller })
    if (!session) throw new Error('an account changed while its row was held')
    const event = { userId: user.id, sessionId: session.facts.sessionId, actor: 'user', ...caller }
    await repositories.securityEvents.add({ ...event, type: 'password_changed' })
    return { session, entries }
  })
  revocations.announce(entries)
  const device = deviceGrant(context, { ...change, userId: user.id })
  return { ...grantTokens(context, session.facts, session.refreshToken), device }
}
