import type { EventFilter } from '../../postgres/latest-events.js'
import type { SecurityEvent } from '../../postgres/security-events.js'
import type { AuthContext } from '../context.js'
import { type ListedEvent, withDevice } from './list-events.js'

const PAGE_SIZE = 500

/** The events of every account with all details, for support: the latest first, at most `limit`. */
export async function* latestEvents(
  { db }: Pick<AuthContext, 'db'>,
  filter: EventFilter,
  limit: number,
): AsyncGenerator<ListedEvent> {
  let last: string | undefined
  for (let left = limit; left > 0; ) {
    const size = Math.min(left, PAGE_SIZE)
    const page = await db.latestEvents.latest(filter, size, last)
    for (const event of page) yield withDevice(event)
    if (page.length < size) return
    left -= page.length
    last = page.at(-1)!.id
  }
}

/**
 * How long after its instant an event can become visible: an event has the instant at which its transaction began. Such
 * a time is read again at each poll.
 */
export const OVERLAP_MS = 15_000

/** Reads the events that are new since the last poll, from any connection. */
export interface EventFollower {
  /** Events that were shown already. */
  skip(event: Pick<SecurityEvent, 'id' | 'at'>): void
  /** The new events, the earliest first. */
  poll(context: Pick<AuthContext, 'db'>): AsyncGenerator<ListedEvent>
}

/** @param from events that are older are not followed */
export function followEvents(filter: EventFilter, from: Date): EventFollower {
  const seen = new Map<string, number>()
  let newestMs = from.getTime()

  const skip: EventFollower['skip'] = ({ id, at }) => {
    seen.set(id, at.getTime())
    newestMs = Math.max(newestMs, at.getTime())
  }
  return {
    skip,
    async *poll({ db }) {
      const since = new Date(Math.max(from.getTime(), newestMs - OVERLAP_MS))
      let last: string | undefined
      for (;;) {
        const page = await db.latestEvents.following({ ...filter, since }, PAGE_SIZE, last)
        for (const event of page) {
          if (seen.has(event.id)) continue
          skip(event)
          yield withDevice(event)
        }
        if (page.length < PAGE_SIZE) break
        last = page.at(-1)!.id
      }
      for (const [id, atMs] of seen) if (atMs < newestMs - OVERLAP_MS) seen.delete(id)
    },
  }
}
