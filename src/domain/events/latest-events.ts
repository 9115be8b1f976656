import { fieldError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import type { EventFilter, EventPlace } from '../../postgres/latest-events.js'
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
  let last: EventPlace | undefined
  for (let left = limit; left > 0; ) {
    const size = Math.min(left, PAGE_SIZE)
    const page = await db.latestEvents.latest(filter, size, last)
    for (const event of page) yield withDevice(event)
    if (page.length < size) return
    left -= page.length
    last = page.at(-1)!
  }
}

/** A page of the events of every account. */
export interface LatestEventPage {
  /** The latest first. */
  events: ListedEvent[]
  /** Where the next page begins; null after the last page. */
  nextCursor: string | null
}

/**
 * A page of the events of every account with all details. A cursor holds where a page ended, so that events that are
 * written or deleted between two pages neither repeat nor hide others.
 *
 * @throws LatchkeyError invalid_request for a cursor that is none
 */
export async function findEvents(
  { db }: Pick<AuthContext, 'db'>,
  filter: EventFilter,
  { cursor, limit }: { cursor?: string | undefined; limit: number },
): Promise<LatestEventPage> {
  // One more than the limit shows whether there is a next page.
  const found = await db.latestEvents.latest(filter, limit + 1, cursor === undefined ? undefined : readCursor(cursor))
  const page = found.slice(0, limit)
  const last = page.at(-1)
  return { events: page.map(withDevice), nextCursor: last && found.length > limit ? writeCursor(last) : null }
}

function writeCursor({ exactAt, id }: EventPlace): string {
  return Buffer.from(JSON.stringify([exactAt, id])).toString('base64url')
}

/** In the form that the database writes: it would fail at a day that does not exist. */
function isExactInstant(text: unknown): text is string {
  const [, seconds] = (typeof text === 'string' && /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,6})?Z$/.exec(text)) || []
  if (seconds === undefined) return false
  const instant = new Date(`${seconds}Z`)
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(seconds) && instant.getUTCFullYear() > 0
}

function readCursor(cursor: string): EventPlace {
  try {
    const [exactAt, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[]
    if (isExactInstant(exactAt) && typeof id === 'string' && isUuid(id)) return { exactAt, id }
  } catch {
    // Refused below.
  }
  throw fieldError('invalid_request', 'cursor', 'is not the next_cursor of a page')
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
      let last: EventPlace | undefined
      for (;;) {
        const page = await db.latestEvents.following({ ...filter, since }, PAGE_SIZE, last)
        for (const event of page) {
          if (seen.has(event.id)) continue
          skip(event)
          yield withDevice(event)
        }
        if (page.length < PAGE_SIZE) break
        last = page.at(-1)!
      }
      for (const [id, atMs] of seen) if (atMs < newestMs - OVERLAP_MS) seen.delete(id)
    },
  }
}
