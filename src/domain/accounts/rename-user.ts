import { LatchkeyError } from '../../lib/errors.js'
import type { AuthContext } from '../context.js'
import { removeTokensOfAddress } from '../letters/letters.js'
import { earlierEmailForms, nameTaken, normaliseEmail, normaliseUsername } from './account-names.js'
import { findUserId } from './administer-users.js'

/** A missing name is not changed. */
export interface NewNames {
  email?: string | undefined
  /** Null removes it. */
  username?: string | null | undefined
}

/**
 * Changes the e-mail or the username of an account. Its sessions stay live. A change of the e-mail invalidates the
 * one-time tokens that were sent to the old address. The same names again change nothing.
 *
 * A username that looks like an e-mail must be the new e-mail, even if only the e-mail changes: the old address may
 * belong to another user later.
 *
 * @param name the e-mail or the id of the account
 * @param actor who changes it, for the events
 * @returns the id of the account and its new names
 * @throws LatchkeyError user_not_found, invalid_email, invalid_username, email_taken, username_taken
 */
export async function renameUser(
  { db }: Pick<AuthContext, 'db'>,
  name: string,
  names: NewNames,
  actor: string,
): Promise<{ id: string; email: string; username: string | null }> {
  const given = names.email === undefined ? undefined : normaliseEmail(names.email)
  const userId = await findUserId({ db }, name)
  return db.transaction(async repositories => {
    const user = await repositories.users.lock(userId)
    if (!user) throw new LatchkeyError('user_not_found')
    const email = given ?? user.email
    const wanted = names.username === undefined ? user.username : names.username
    // A username that stays is only checked: an earlier version may have stored it in another form.
    const field = names.username === undefined ? 'email' : 'username'
    const normal = wanted === null ? null : normaliseUsername(wanted, email, field)
    const username = names.username === undefined ? wanted : normal
    const changed = { id: userId, email, username }
    const [isNewEmail, isNewUsername] = [email !== user.email, username !== user.username]
    if (!isNewEmail && !isNewUsername) return changed

    const earlierEmails = isNewEmail && names.email !== undefined ? earlierEmailForms(names.email) : []
    const outcome = await repositories.users.rename({ ...changed, earlierEmails })
    if (outcome !== 'renamed') throw nameTaken(outcome)
    if (isNewEmail) {
      await removeTokensOfAddress(repositories, userId)
      // The decision of an administrator is not undone by who had the account before: that may be the thief.
      await repositories.oneTimeTokens.removeOf(userId, ['undo_email'])
      await repositories.securityEvents.add({ type: 'email_changed', userId, actor })
    }
    if (isNewUsername) await repositories.securityEvents.add({ type: 'username_changed', userId, actor })
    return changed
  })
}
