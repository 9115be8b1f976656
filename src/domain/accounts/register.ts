import { LatchkeyError } from '../../lib/errors.js'
import { newId } from '../../lib/ids.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext, Caller } from '../context.js'
import { issueDeviceCookie } from '../login/device-cookie.js'
import { checkNewPassword } from '../passwords/check-new-password.js'
import { openSession } from '../sessions/open-session.js'
import { type Grant, grantTokens } from '../tokens/grant-tokens.js'
import { earlierEmailForms, nameTaken, normaliseEmail } from './account-names.js'

export interface Registration {
  email: string
  password: string
  transport: 'cookie' | 'body'
  /** False if the browser must forget the session when it closes. */
  remember?: boolean | undefined
  /** The device cookie of the browser. */
  deviceCookie?: string | undefined
}

/**
 * Creates an account and signs in to it, with REGISTRATION=open.
 *
 * @throws LatchkeyError registration_closed, invalid_email, registration_refused, registration_hook_unavailable,
 *   email_taken, busy, and what {@link checkNewPassword} throws
 */
export async function register(context: AuthContext, registration: Registration, caller: Caller): Promise<Grant> {
  // With `verified`, the account exists when its address is confirmed: see requestRegistration.
  if (context.config.registration !== 'open') throw new LatchkeyError('registration_closed')
  const email = normaliseEmail(registration.email)
  checkNewPassword(registration.password, { email, minLength: context.config.passwordMinLength, field: 'password' })
  const claims = (await context.registrationHook?.ask({ email, caller })) ?? null
  const user = {
    id: newId(),
    email,
    claims,
    earlierEmails: earlierEmailForms(registration.email),
    passwordHash: await context.passwords.hash(registration.password),
  }

  const opened = await commitAndAnnounce(context, async repositories => {
    if ((await repositories.users.insert(user)) !== 'inserted') throw nameTaken('email_taken')
    // Otherwise a thief who changed the address of an account could keep its owner from undoing that. Read after the
    // insert, which waits for a change of the address that is not committed yet.
    if (await repositories.oneTimeTokens.canReturn(email)) throw nameTaken('email_taken')
    const session = await openSession(context, repositories, {
      userId: user.id,
      fence: { tokenVersion: 0, passwordHash: user.passwordHash },
      transport: registration.transport,
      remember: registration.remember,
      caller,
      eventType: 'registered',
    })
    if (!session) throw new Error('an account changed before it was committed')
    return session
  })
  const device = issueDeviceCookie(context, { ...registration, userId: user.id })
  return { ...grantTokens(context, opened.facts, opened.refreshToken), device }
}
