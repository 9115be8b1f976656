import type { Principal } from '@latchkey/verifier/core'
import { LatchkeyError } from '../../lib/errors.js'
import type { User } from '../../postgres/users.js'
import type { AuthContext, Caller } from '../context.js'
import { type EventPage, type ListedEvent, listOwnEvents } from '../events/list-events.js'
import { type ListedSession, listSessions } from '../sessions/manage-sessions.js'

/** What is kept about an account, for its owner. */
export interface AccountExport {
  at: Date
  user: User
  /** The live sessions. */
  sessions: ListedSession[]
  /** All events, the latest first. The first page has been read, the others are read when they are needed, so that memory stays bounded. */
  events: AsyncIterable<ListedEvent>
}

const PAGE_SIZE = 500

/**
 * Reads what is kept about the signed-in user. The export itself is an event, which is committed before anything is read, so
 * that no export is without one.
 *
 * @throws LatchkeyError token_revoked if the account was deleted
 */
export async function exportAccount(
  context: AuthContext,
  principal: Principal,
  caller: Caller,
): Promise<AccountExport> {
  const { userId, sessionId, tokenType } = principal
  const user = await context.db.users.findById(userId)
  if (!user) throw new LatchkeyError('token_revoked', { tokenType })
  await context.db.securityEvents.add({ type: 'account_exported', userId, sessionId, actor: 'user', ...caller })
  const sessions = await listSessions(context, principal, caller)
  const first = await listOwnEvents(context, principal, { limit: PAGE_SIZE })
  return { at: new Date(context.clock()), user, sessions, events: eventsFrom(first) }

  async function* eventsFrom(page: EventPage): AsyncGenerator<ListedEvent> {
    for (;;) {
      yield* page.events
      if (page.next === null) return
      page = await listOwnEvents(context, principal, { limit: PAGE_SIZE, before: page.next })
    }
  }
}
