import { LatchkeyError } from '../errors.js'
import type { AuthContext, Caller } from './context.js'
import { deviceGrant } from './device-grant.js'
import { normaliseEmail } from './email.js'
import { endAllSessions } from './end-sessions.js'
import { type Grant, grantTokens } from './grant-tokens.js'
import { verifyPassword } from './log-in.js'
import { deviceDetails, openSession } from './open-session.js'
import { checkNewPassword } from './passwords/check-new-password.js'
import type { Principal } from './principal.js'

export interface PasswordChange {
  /** Whose password it is; not needed from somebody who is signed in. */
  email?: string | undefined
  /** Who is signed in. Rejects with a LatchkeyError if nobody is. */
  whoAsks(): Promise<Principal>
  currentPassword: string
  newPassword: string
  transport: 'cookie' | 'body'
  /** False for a session that the browser shall forget. */
  remember?: boolean | undefined
  /** What the browser kept of earlier sign-ins. */
  deviceCookie?: string | undefined
}

/**
 * Changes a password and opens a session with a fresh secret. Every other session ends, the current one too: a thief
 * who holds its parent token must not be handed the successor. A reset that was issued can't be used any more.
 *
 * @throws LatchkeyError invalid_credentials, account_mismatch, rate_limited, busy, what {@link checkNewPassword} throws
 *   and, without an e-mail, what `whoAsks` throws
 */
export async function changePassword(context: AuthContext, change: PasswordChange, caller: Caller): Promise<Grant> {
  const { config, db, passwords, revocations } = context
  const email = await emailOf(context, change)
  const user = await verifyPassword(context, { ...change, email, password: change.currentPassword }, caller)
  checkNewPassword(change.newPassword, {
    email: user.email,
    minLength: config.passwordMinLength,
    current: change.currentPassword,
    field: 'new_password',
  })
  const passwordHash = await passwords.hash(change.newPassword)

  const { session, entries } = await db.transaction(async repositories => {
    const changed = await repositories.users.changePassword(user.id, user.passwordHash, passwordHash)
    // The password was changed by somebody else since it was verified, or the account disabled.
    if (!changed) throw new LatchkeyError('invalid_credentials')
    await repositories.passwordResets.removeOf(user.id)
    const entries = await endAllSessions(repositories, changed, 'password_changed')
    const fences = { userId: user.id, tokenVersion: changed.tokenVersion, passwordHash }
    const { transport, remember } = change
    const session = await openSession(context, repositories, { ...fences, transport, remember, caller })
    if (!session) throw new Error('an account changed while its row was held')
    const event = { userId: user.id, sessionId: session.facts.sessionId, actor: 'user', ...caller }
    await repositories.securityEvents.add({ ...event, type: 'password_changed', ...deviceDetails(session) })
    return { session, entries }
  })
  revocations.announce(entries)
  const device = deviceGrant(context, { ...change, userId: user.id })
  return { ...grantTokens(context, session.facts, session.refreshToken), device }
}

/** Whose password is to be changed: the address that is named, or that of whoever is signed in. */
async function emailOf({ db }: AuthContext, { email, whoAsks }: PasswordChange): Promise<string> {
  if (email === undefined) {
    const user = await db.users.findById((await whoAsks()).userId)
    if (!user) throw new LatchkeyError('token_revoked')
    return user.email
  }
  // Whoever gives an address need not be signed in: a token that is absent, or dead, says nothing.
  const principal = await whoAsks().catch((error: unknown) => {
    if (error instanceof LatchkeyError) return undefined
    throw error
  })
  const user = principal && (await db.users.findById(principal.userId))
  if (user && !isAddressOf(user, email)) throw new LatchkeyError('account_mismatch')
  return email
}

function isAddressOf(user: { email: string }, email: string): boolean {
  try {
    return normaliseEmail(email) === user.email
  } catch {
    return false
  }
}
