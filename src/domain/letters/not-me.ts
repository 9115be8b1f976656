import { concerning, LatchkeyError } from '../../lib/errors.js'
import type { User } from '../../postgres/users.js'
import { changeAddress } from '../accounts/change-email.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext, Caller } from '../context.js'
import { UNUSABLE_HASH } from '../passwords/hash-formats.js'
import { endAllSessions } from '../sessions/end-sessions.js'
import { checkLetterIsSent, mailAddress, writeLetter } from './letters.js'
import { hashOfToken, readTokenOf } from './one-time-token.js'

/**
 * The user says that they did not do what a letter is about. Somebody else knows the password: so every session ends, no
 * password matches any more, and a letter for a new one goes to the address that the first letter went to. If that one was
 * about a change of the address, the account first gets its old address again. A deletion of the account that is pending is
 * cancelled.
 *
 * @throws LatchkeyError letter_token_invalid; email_taken if another account has the old address by now; letters_not_sent
 *   if the account is secured, but there is no letter
 */
export async function secureAccount(context: AuthContext, text: string, caller: Caller): Promise<void> {
  const token = readTokenOf(context.secrets, ['not_me', 'undo_email'], text)
  if (!token) throw new LatchkeyError('letter_token_invalid')
  const { userId, purpose } = token
  const work = commitAndAnnounce(context, async repositories => {
    const { users, oneTimeTokens, securityEvents } = repositories
    const user = await users.lock(userId)
    const taken = user && (await oneTimeTokens.take({ userId, purpose, tokenHash: hashOfToken(token) }))
    if (!taken) throw new LatchkeyError('letter_token_invalid')
    const { createdAt } = taken
    const email = mailAddress(taken.email)
    if (purpose === 'not_me' && !isAddressOf(user, email)) throw new LatchkeyError('letter_token_invalid')
    // A thief who changed the address twice has such a token too, but only a later one.
    if (purpose === 'undo_email') await oneTimeTokens.removeOf(userId, ['undo_email'], createdAt)
    if (!isAddressOf(user, email)) await changeAddress(repositories, user, email, caller)

    const secured = await users.resetPassword(userId, UNUSABLE_HASH)
    const changed = secured ?? (await users.raiseTokenVersion(userId))
    await oneTimeTokens.removeOf(userId, ['confirm_email', 'not_me'])
    await endAllSessions(repositories, changed!, 'not_me')
    if (await users.cancelDeletion(userId))
      await securityEvents.add({ type: 'account_deletion_cancelled', userId, actor: 'user', ...caller })
    await securityEvents.add({ type: 'account_secured', userId, actor: 'user', ...caller })
    await writeLetter(context, repositories, { type: 'letter_password_reset', userId, email }, caller)
  })
  await work.catch((error: unknown) => {
    throw concerning(error, { userId })
  })
  await checkLetterIsSent(context, 'letter_password_reset')
}

function isAddressOf(user: User, email: string): boolean {
  return mailAddress(user.email) === email
}
