import { concerning, LatchkeyError } from '../../lib/errors.js'
import { earlierEmailForms, emailForms, nameTaken } from '../accounts/account-names.js'
import type { AuthContext, Caller } from '../context.js'
import { hashOfToken, type OneTimeToken, readTokenOf } from './one-time-token.js'

/**
 * Confirms an address with the token of a letter: of an account, or of a registration, which becomes an account now. It
 * opens no session: whoever reads the letter need not know the password.
 *
 * @throws LatchkeyError letter_token_invalid, email_taken
 */
export async function verifyEmail(context: AuthContext, text: string, caller: Caller): Promise<void> {
  const token = readTokenOf(context.secrets, ['registration', 'verify_email'], text)
  if (!token) throw new LatchkeyError('letter_token_invalid')
  const confirm = token.purpose === 'registration' ? completeRegistration : verifyAddress
  await confirm(context, token, caller).catch((error: unknown) => {
    throw concerning(error, { userId: token.userId })
  })
}

async function completeRegistration({ db }: AuthContext, token: OneTimeToken, caller: Caller): Promise<void> {
  const { userId } = token
  await db.transaction(async repositories => {
    const registration = await repositories.registrations.take(userId, hashOfToken(token))
    if (!registration) throw new LatchkeyError('letter_token_invalid')
    const { email } = registration
    const user = { id: userId, ...registration, earlierEmails: earlierEmailForms(email), emailVerified: true }
    // Another registration of this address was confirmed first. Who has the token reads its mail, and may know it.
    if ((await repositories.users.insert(user)) !== 'inserted') throw nameTaken('email_taken')
    await repositories.securityEvents.add({ type: 'registered', userId, actor: 'user', ...caller })
  })
}

async function verifyAddress({ db }: AuthContext, token: OneTimeToken, caller: Caller): Promise<void> {
  const { userId } = token
  await db.transaction(async repositories => {
    await repositories.users.lock(userId)
    const taken = await repositories.oneTimeTokens.take({
      userId,
      purpose: 'verify_email',
      tokenHash: hashOfToken(token),
    })
    const isCurrent = taken && (await repositories.users.verifyEmail(userId, ...emailForms(taken.email)))
    if (!isCurrent) throw new LatchkeyError('letter_token_invalid')
    await repositories.securityEvents.add({ type: 'email_verified', userId, actor: 'user', ...caller })
  })
}
