import type { EventFilter } from '../postgres/latest-events.js'
import type { SecurityEventType } from '../postgres/security-event-types.js'
import type { ReadingContext } from './with-stores.js'

/** The options of `latchkey events` that choose events. */
export interface EventChoice {
  type?: SecurityEventType[]
  /** An e-mail, a username or an id. */
  user?: string
  /** `user`, `system`, `cli`, an id, an e-mail of an administrator or the name of a client. */
  actor?: string
  since?: Date
  until?: Date
}

/** Finds the account. An id needs no account, as the events of a deleted account are kept. */
export async function readFilter(
  context: Pick<ReadingContext, 'db'>,
  { user, type, actor, since, until }: EventChoice,
): Promise<EventFilter> {
  const filter = {
    types: type,
    actor: actor === undefined ? undefined : await actorNamed(context, actor),
    since,
    until,
  }
  if (user === undefined) return filter
  const [{ getAccountByAnyName }, { isUuid }] = await Promise.all([
    import('../domain/accounts/find-account.js'),
    import('../lib/ids.js'),
  ])
  const userId = isUuid(user) ? user : (await getAccountByAnyName(context, user)).id
  return { ...filter, userId }
}

const ACTORS = new Set(['user', 'system', 'cli', 'application'])

/** Finds the client or the administrator. An id needs neither, as their events stay when they are gone. */
async function actorNamed(context: Pick<ReadingContext, 'db'>, name: string): Promise<string> {
  const { isUuid } = await import('../lib/ids.js')
  if (ACTORS.has(name) || isUuid(name)) return name
  if (!name.includes('@')) {
    const client = (await context.db.clients.all()).find(client => client.name === name)
    if (client) return client.id
  }
  const { getAccountByAnyName } = await import('../domain/accounts/find-account.js')
  return (await getAccountByAnyName(context, name)).id
}
