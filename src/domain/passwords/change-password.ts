import type { Principal } from '@latchkey/verifier/core'
import { concerning, fieldError, LatchkeyError } from '../../lib/errors.js'
import type { User } from '../../postgres/users.js'
import { emailForms } from '../accounts/account-names.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext, Caller } from '../context.js'
import { issueDeviceCookie } from '../login/device-cookie.js'
import type { JoinQueue } from '../login/failure-delay.js'
import { verifyPassword } from '../login/log-in.js'
import { endAllSessions } from '../sessions/end-sessions.js'
import { openSession } from '../sessions/open-session.js'
import { type Grant, grantTokens } from '../tokens/grant-tokens.js'
import { checkNewPassword } from './check-new-password.js'

export interface PasswordChange {
  /** The account; not needed if the user is signed in. */
  email?: string | undefined
  /** The signed-in user. Rejects with a LatchkeyError if the request has no valid access token. */
  getPrincipal(): Promise<Principal>
  currentPassword: string
  newPassword: string
  transport: 'cookie' | 'body'
  /** False if the browser must forget the new session when it closes; by default as for the current session. */
  remember?: boolean | undefined
  /** The device cookie of the browser. */
  deviceCookie?: string | undefined
}

/**
 * Changes a password and opens a session with a new random secret. Every earlier session is revoked, the current one
 * too: a thief who has its previous refresh token must not get the successor. An issued password reset token is
 * invalidated.
 *
 * @throws LatchkeyError invalid_credentials, account_mismatch, rate_limited, busy, what {@link checkNewPassword} throws
 *   and, without an e-mail, what `getPrincipal` throws
 */
export function changePassword(context: AuthContext, change: PasswordChange, caller: Caller): Promise<Grant> {
  return context.failureDelay.run(joinQueue => verifyAndChange(context, change, caller, joinQueue))
}

async function verifyAndChange(context: AuthContext, change: PasswordChange, caller: Caller, joinQueue: JoinQueue) {
  const { email, session: current } = await findAccountAndSession(context, change)
  const credentials = { email, password: change.currentPassword, deviceCookie: change.deviceCookie, session: current }
  const user = await verifyPassword(context, credentials, caller, joinQueue)
  return changeVerified(context, { ...change, user, current }, caller).catch((error: unknown) => {
    throw concerning(error, { userId: user.id, sessionId: current?.sessionId })
  })
}

async function changeVerified(
  context: AuthContext,
  { user, current, ...change }: PasswordChange & { user: User; current: Principal | undefined },
  caller: Caller,
): Promise<Grant> {
  const { config, passwords } = context
  checkNewPassword(change.newPassword, {
    email: user.email,
    minLength: config.passwordMinLength,
    current: change.currentPassword,
    field: 'new_password',
  })
  const passwordHash = await passwords.hash(change.newPassword, true)
  const remember = change.remember ?? (await isRemembered(context, current?.sessionId))

  const session = await commitAndAnnounce(context, async repositories => {
    const changed = await repositories.users.changePassword(user.id, user, passwordHash)
    // Since the password was verified it was changed, all sessions have ended, or the account was disabled.
    if (!changed) throw new LatchkeyError('invalid_credentials')
    await repositories.passwordResets.removeOf(user.id)
    await repositories.oneTimeTokens.removeOf(user.id, ['confirm_email'])
    await endAllSessions(repositories, changed, 'password_changed')
    const fence = { tokenVersion: changed.tokenVersion, passwordHash }
    const { transport } = change
    const signIn = { userId: user.id, fence, transport, remember, caller, eventType: 'password_changed' } as const
    const session = await openSession(context, repositories, signIn)
    if (!session) throw new Error('an account changed while its row was locked')
    return session
  })
  const device = issueDeviceCookie(context, { ...change, remember, userId: user.id })
  return { ...grantTokens(context, session.facts, session.refreshToken), device }
}

/** The account whose password changes, by its e-mail or by the access token, and the session of the request. */
async function findAccountAndSession(
  { db }: AuthContext,
  { email, getPrincipal }: PasswordChange,
): Promise<{ email: string; session?: Principal | undefined }> {
  if (email === undefined) {
    const session = await getPrincipal()
    const user = await db.users.findById(session.userId)
    if (!user) throw new LatchkeyError('token_revoked')
    return { email: user.email, session }
  }
  // With an e-mail the user need not be signed in: a missing or invalid token is ignored.
  const principal = await getPrincipal().catch((error: unknown) => {
    if (error instanceof LatchkeyError) return undefined
    throw error
  })
  const user = principal && (await db.users.findById(principal.userId))
  if (user && !isAddressOf(user, email))
    throw fieldError('account_mismatch', 'email', 'must be the e-mail of the signed-in account')
  return { email, session: principal }
}

/** A browser that was told to forget its session must not remember the new one. */
async function isRemembered({ db }: AuthContext, sessionId: string | undefined): Promise<boolean> {
  return sessionId === undefined || (await db.sessions.isRemembered(sessionId)) !== false
}

function isAddressOf(user: { email: string }, email: string): boolean {
  return emailForms(email).includes(user.email)
}
