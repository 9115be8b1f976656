import type { LetterType } from '../../postgres/security-event-types.js'
import type { AddedEvent } from '../../postgres/security-events.js'
import type { AuthContext } from '../context.js'
import { mailAddress, writeLetter } from './letters.js'

type NoticeContext = Pick<AuthContext, 'config' | 'db' | 'secrets' | 'background'>

/**
 * Tells the owners of accounts what somebody did with their password: signed in from a new device, changed it, or asked for
 * the deletion of the account. The request does not wait for it. Nothing is written if no letter of this type goes anywhere.
 *
 * @returns a function that ends this
 */
export function startNotices(context: NoticeContext): () => void {
  return context.db.onSecurityEvents(events => {
    for (const event of events) {
      const type = noticeOf(event)
      if (type) context.background.run('write a notice to a user', () => writeNotice(context, type, event))
    }
  })
}

function noticeOf({ type, details }: AddedEvent): LetterType | undefined {
  if (type === 'password_changed') return 'letter_password_changed'
  if (type === 'account_deletion_requested') return 'letter_deletion_requested'
  return type === 'signed_in' && details?.new_device === true ? 'letter_new_device' : undefined
}

async function writeNotice(context: NoticeContext, type: LetterType, event: AddedEvent): Promise<void> {
  const { userId, sessionId, ip, userAgent, requestId, language } = event
  if (userId === undefined || !(await context.db.eventReceivers.isNamed(type))) return
  await context.db.transaction(async repositories => {
    const user = await repositories.users.findById(userId)
    if (!user || user.disabledAt) return
    // The first sign-in of an account is always from a new device, and is no news.
    const isFirst =
      type === 'letter_new_device' && !(await repositories.userActivity.hasOtherSession(userId, sessionId!))
    if (isFirst) return
    // By now its owner may have cancelled it.
    const deleteAt = type === 'letter_deletion_requested' ? user.deleteAt : undefined
    if (deleteAt === null) return
    const letter = { type, userId, email: mailAddress(user.email), sessionId, actor: 'system', deleteAt }
    await writeLetter(context, repositories, letter, { ip, userAgent, requestId, language })
  })
}
