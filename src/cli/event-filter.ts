import type { EventFilter } from '../postgres/latest-events.js'
import type { SecurityEventType } from '../postgres/security-event-types.js'
import type { ReadingContext } from './with-stores.js'

/** The options of `latchkey events` that choose events. */
export interface EventChoice {
  type?: SecurityEventType[]
  /** An e-mail, a username or an id. */
  user?: string
  since?: Date
}

/** Finds the account. An id needs no account, as the events of a deleted account are kept. */
export async function readFilter(
  context: Pick<ReadingContext, 'db'>,
  { user, type, since }: EventChoice,
): Promise<EventFilter> {
  if (user === undefined) return { types: type, since }
  const [{ getAccountByAnyName }, { isUuid }] = await Promise.all([
    import('../domain/accounts/find-account.js'),
    import('../lib/ids.js'),
  ])
  const userId = isUuid(user) ? user : (await getAccountByAnyName(context, user)).id
  return { userId, types: type, since }
}
