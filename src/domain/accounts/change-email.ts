import type { Principal } from '@latchkey/verifier/core'
import { concerning, fieldError, LatchkeyError } from '../../lib/errors.js'
import type { User } from '../../postgres/users.js'
import type { AuthContext, Caller, Repositories } from '../context.js'
import { checkLetterIsSent, mailAddress, removeTokensOfAddress, writeLetter } from '../letters/letters.js'
import { hashOfToken, readOneTimeToken } from '../letters/one-time-token.js'
import { type OwnPassword, withOwnPassword } from '../login/confirm-password.js'
import { earlierEmailForms, emailForms, nameTaken, tryNormaliseEmail } from './account-names.js'
import { attemptCounter } from './find-account.js'

export interface EmailChange extends OwnPassword {
  newEmail: string
}

/**
 * Sends a letter to a new address. The account has this address when the link in the letter is used. If another account has
 * it, its owner gets a letter that says so; the answer is the same.
 *
 * @throws LatchkeyError invalid_email, invalid_credentials for a wrong password, rate_limited, busy, token_revoked,
 *   letters_not_sent
 */
export function requestEmailChange(
  context: AuthContext,
  principal: Principal,
  { newEmail, ...ownPassword }: EmailChange,
  caller: Caller,
): Promise<void> {
  const email = tryNormaliseEmail(newEmail)
  if (email === undefined)
    throw fieldError('invalid_email', 'new_email', 'must be an e-mail address such as ada@example.com')
  return withOwnPassword(context, principal, ownPassword, caller, async user => {
    await checkLetterIsSent(context, 'letter_confirm_email')
    await context.letterLimiter.reserve(attemptCounter({ email })).catch((error: unknown) => {
      throw concerning(error, { userId: user.id })
    })
    context.letterWork.run('write a letter to a new address', () => writeLetterTo(context, email, user, caller))
  })
}

async function writeLetterTo(context: AuthContext, email: string, verified: User, caller: Caller): Promise<void> {
  const owner = await context.db.users.findByEmail(...emailForms(email))
  if (owner?.id === verified.id || owner?.disabledAt) return
  await context.db.transaction(async repositories => {
    if (owner) {
      const letter = { type: 'letter_account_exists', userId: owner.id, email: mailAddress(owner.email) } as const
      await writeLetter(context, repositories, letter, caller)
      return
    }
    const user = await repositories.users.lock(verified.id)
    // All sessions have ended since the password was verified: perhaps somebody else knew it.
    if (user?.tokenVersion !== verified.tokenVersion || user.disabledAt) return
    await repositories.oneTimeTokens.removeOf(user.id, ['confirm_email'])
    await writeLetter(context, repositories, { type: 'letter_confirm_email', userId: user.id, email }, caller)
  })
}

/**
 * Changes the address of an account with the token that went to the new one. Its sessions stay live. A letter goes to the old
 * address, whose token undoes this.
 *
 * @throws LatchkeyError letter_token_invalid, email_taken
 */
export async function confirmEmailChange(context: AuthContext, text: string, caller: Caller): Promise<void> {
  const token = readOneTimeToken(context.secrets, 'confirm_email', text)
  if (!token) throw new LatchkeyError('letter_token_invalid')
  const { userId } = token
  const work = context.db.transaction(async repositories => {
    const user = await repositories.users.lock(userId)
    const reference = { userId, purpose: 'confirm_email' as const, tokenHash: hashOfToken(token) }
    const taken = user && !user.disabledAt ? await repositories.oneTimeTokens.take(reference) : undefined
    if (!user || !taken) throw new LatchkeyError('letter_token_invalid')
    await changeAddress(repositories, user, taken.email, caller)
    const notice = { type: 'letter_email_changed', userId, email: mailAddress(user.email) } as const
    await writeLetter(context, repositories, notice, caller)
  })
  await work.catch((error: unknown) => {
    throw concerning(error, { userId })
  })
}

/**
 * Gives an account whose row is locked another address, to which a letter has arrived. A username that is the old address
 * becomes the new one: it must not stand for the account of the owner whom the old address may have later.
 *
 * @param email in its normal form
 * @throws LatchkeyError email_taken, username_taken
 */
export async function changeAddress(
  repositories: Repositories,
  user: User,
  email: string,
  caller: Caller,
): Promise<void> {
  const { id, username } = user
  const isOldAddress = username !== null && emailForms(username).length > 0
  const names = { id, email, username: isOldAddress ? email : username, earlierEmails: earlierEmailForms(email) }
  const outcome = await repositories.users.rename(names)
  if (outcome !== 'renamed') throw nameTaken(outcome)
  await repositories.users.verifyEmail(id, email)
  await removeTokensOfAddress(repositories, id)
  await repositories.securityEvents.add({ type: 'email_changed', userId: id, actor: 'user', ...caller })
}
