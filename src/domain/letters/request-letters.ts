import type { Principal } from '@latchkey/verifier/core'
import { LatchkeyError } from '../../lib/errors.js'
import { newId } from '../../lib/ids.js'
import type { LetterType } from '../../postgres/security-event-types.js'
import type { User } from '../../postgres/users.js'
import { emailForms, normaliseEmail } from '../accounts/account-names.js'
import { attemptCounter, findAccount } from '../accounts/find-account.js'
import type { Registration } from '../accounts/register.js'
import type { AuthContext, Caller } from '../context.js'
import { checkNewPassword } from '../passwords/check-new-password.js'
import { checkLetterIsSent, mailAddress, type NewLetter, writeLetter } from './letters.js'

/**
 * Sends a link for a new password to the owner of an account, if there is one with this address that is not disabled.
 * The answer is the same in every case, and is sent before the account is searched.
 *
 * @throws LatchkeyError rate_limited, whether or not there is an account
 */
export async function requestPasswordReset(context: AuthContext, email: string, caller: Caller): Promise<void> {
  // Counted apart: otherwise anybody could use up the letters of a user who has forgotten the password.
  await context.letterLimiter.reserve(`password,${attemptCounter({ email })}`)
  context.letterWork.run('write a letter for a new password', async () => {
    // First, because a new token would replace one that an administrator has issued.
    await checkIsSent(context, 'letter_password_reset')
    const user = await findAccount(context, { email })
    if (user) await write(context, { type: 'letter_password_reset', ...addressOf(user) }, caller)
  })
}

/**
 * Begins a registration with REGISTRATION=verified. The letter has a token that makes the account; there is none before.
 * If the address has an account already, its owner gets a letter that says so. The answer is the same in both cases, and
 * is sent when the password has been hashed.
 *
 * @throws LatchkeyError registration_closed, invalid_email, rate_limited, registration_refused,
 *   registration_hook_unavailable, busy, and what {@link checkNewPassword} throws
 */
export async function requestRegistration(
  context: AuthContext,
  registration: Pick<Registration, 'email' | 'password'>,
  caller: Caller,
): Promise<void> {
  if (context.config.registration !== 'verified') throw new LatchkeyError('registration_closed')
  const email = normaliseEmail(registration.email)
  checkNewPassword(registration.password, { email, minLength: context.config.passwordMinLength, field: 'password' })
  await context.letterLimiter.reserve(attemptCounter({ email }))
  // Asked now, and not when the address is confirmed: somebody waits for the answer here.
  const claims = (await context.registrationHook?.ask({ email, caller })) ?? null
  const account = { passwordHash: await context.passwords.hash(registration.password), claims }
  context.letterWork.run('write a letter to a new user', async () => {
    await checkIsSent(context, 'letter_registration')
    const owner = await context.db.users.findByEmail(...emailForms(registration.email))
    if (!owner) await write(context, { type: 'letter_registration', userId: newId(), email, account }, caller)
    else if (!owner.disabledAt) await write(context, { type: 'letter_account_exists', ...addressOf(owner) }, caller)
  })
}

/**
 * Sends the signed-in user a letter with which they confirm their address. Nothing is sent if it is confirmed already.
 *
 * @throws LatchkeyError rate_limited, token_revoked, letters_not_sent
 */
export async function requestVerification(context: AuthContext, principal: Principal, caller: Caller): Promise<void> {
  const { userId, sessionId, tokenType } = principal
  const user = await context.db.users.findById(userId)
  if (!user) throw new LatchkeyError('token_revoked', { tokenType })
  if (user.emailVerifiedAt) return
  await checkLetterIsSent(context, 'letter_verify_email')
  await context.letterLimiter.reserve(attemptCounter({ email: user.email }))
  await write(context, { type: 'letter_verify_email', ...addressOf(user), sessionId }, caller)
}

/**
 * Letters that go nowhere are not written. The error tells the operator, in the log: nobody else may learn whether there
 * was something to write.
 */
async function checkIsSent({ db }: AuthContext, type: LetterType): Promise<void> {
  if (!(await db.eventReceivers.isNamed(type)))
    throw new Error(`${type} is sent nowhere: set SMTP_URL, or create a webhook that names this type (docs/letters.md)`)
}

function write(context: AuthContext, letter: NewLetter, caller: Caller): Promise<boolean> {
  return context.db.transaction(repositories => writeLetter(context, repositories, letter, caller))
}

function addressOf({ id, email }: User): Pick<NewLetter, 'userId' | 'email'> {
  return { userId: id, email: mailAddress(email) }
}
