import { ADMIN_ROLE, type Principal } from '@latchkey/verifier/core'
import { LatchkeyError } from '../../lib/errors.js'
import type { RevokingRepositories } from '../../postgres/database.js'
import type { NewSecurityEvent } from '../../postgres/security-events.js'
import type { User } from '../../postgres/users.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext, Caller } from '../context.js'
import { mailAddress, writeLetter } from '../letters/letters.js'
import { type OwnPassword, withOwnPassword } from '../login/confirm-password.js'

import { endAllSessions } from '../sessions/end-sessions.js'

/**
 * The owner of an account asks for its deletion. Every session ends now; the account is deleted after
 * ACCOUNT_DELETION_DELAY, unless its owner signs in before. A second request changes nothing.
 *
 * @returns when the account is deleted
 * @throws LatchkeyError invalid_credentials for a wrong password, own_account for administrators, rate_limited, busy,
 *   token_revoked
 */
export function requestDeletion(
  context: AuthContext,
  principal: Principal,
  ownPassword: OwnPassword,
  caller: Caller,
): Promise<Date> {
  return withOwnPassword(context, principal, ownPassword, caller, user => requestVerified(context, user, caller))
}

/** The letter with which the owner learns of it, and can say that it was somebody else. */
const NOTICE = 'letter_deletion_requested' as const

function requestVerified(context: AuthContext, verified: User, caller: Caller): Promise<Date> {
  const { accountDeletionDelaySeconds: delaySeconds } = context.config
  return commitAndAnnounce(context, async repositories => {
    const { users, oneTimeTokens, securityEvents } = repositories
    const user = await users.lock(verified.id)
    if (!user || user.disabledAt || user.passwordHash !== verified.passwordHash)
      throw new LatchkeyError('invalid_credentials')
    // Another request came first: that one has ended the sessions.
    if (user.deleteAt) return user.deleteAt
    // All sessions have ended since the password was verified: perhaps somebody else knew it.
    if (user.tokenVersion !== verified.tokenVersion) throw new LatchkeyError('invalid_credentials')
    // As everywhere: an administrator is deleted by another one, so that there is always one.
    if (user.roles.includes(ADMIN_ROLE)) throw new LatchkeyError('own_account')

    const { id } = user
    const { tokenVersion, deleteAt } = await users.requestDeletion(id, delaySeconds)
    if (delaySeconds === 0) {
      await removeAccount(repositories, { id, tokenVersion }, { actor: 'user', ...caller })
      return deleteAt
    }
    await oneTimeTokens.removeOf(id, ['confirm_email'])
    if (await repositories.eventReceivers.isNamed(NOTICE)) {
      const letter = { type: NOTICE, userId: id, email: mailAddress(user.email), actor: 'system', deleteAt }
      await writeLetter(context, repositories, letter, caller)
    }
    await endAllSessions(repositories, { id, tokenVersion }, 'deletion_requested')
    const details = { delete_at: deleteAt.toISOString() }
    await securityEvents.add({ type: 'account_deletion_requested', userId: id, actor: 'user', ...caller, details })
    return deleteAt
  })
}

/**
 * An administrator cancels the deletion of an account. If none is pending, it changes nothing.
 *
 * @throws LatchkeyError user_not_found
 */
export async function cancelDeletion({ db }: Pick<AuthContext, 'db'>, id: string, actor: string): Promise<void> {
  await db.transaction(async ({ users, securityEvents }) => {
    if (!(await users.lock(id))) throw new LatchkeyError('user_not_found')
    if (await users.cancelDeletion(id))
      await securityEvents.add({ type: 'account_deletion_cancelled', userId: id, actor })
  })
}

/**
 * Deletes an account whose token_version has been raised in the same transaction. The revocation is written first: access
 * tokens outlast the rows, and every verifier must refuse them.
 *
 * @param event who deletes it, and from where
 */
export async function removeAccount(
  repositories: RevokingRepositories,
  user: { id: string; tokenVersion: number },
  event: Omit<NewSecurityEvent, 'type' | 'userId'>,
): Promise<void> {
  await endAllSessions(repositories, user, 'user_deleted')
  await repositories.users.remove(user.id)
  await repositories.securityEvents.add({ type: 'user_deleted', userId: user.id, ...event })
}
