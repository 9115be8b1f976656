import { fieldError, type LatchkeyError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import type { AbandonedDelivery, ReplayPosition } from '../../postgres/deliveries.js'
import type { AuthContext } from '../context.js'
import { findReceiver } from './webhook.js'

export interface AbandonedPage {
  deliveries: AbandonedDelivery[]
  /** Null after the last page. */
  nextCursor: string | null
}

/**
 * What was given up, the latest first, a page at a time.
 *
 * @throws LatchkeyError webhook_not_found; invalid_request for a cursor that this list has not given
 */
export async function abandonedDeliveries(
  { db }: Pick<AuthContext, 'db'>,
  id: string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<AbandonedPage> {
  const receiver = await findReceiver(db, id)
  // A bigint of Postgres has 19 digits at most.
  if (cursor !== undefined && !/^\d{1,18}$/.test(cursor)) throw unknownCursor()
  // One more than the limit shows whether there is a next page.
  const found = await db.deliveries.abandoned(receiver.id, limit + 1, cursor)
  const deliveries = found.slice(0, limit)
  return { deliveries, nextCursor: found.length > limit ? deliveries.at(-1)!.id : null }
}

function unknownCursor(): LatchkeyError {
  return fieldError('invalid_request', 'cursor', 'is not one of this list: start without it', {
    detail: 'The cursor is not one of this list.',
  })
}

const REPLAY_PART = 1000

export interface ReplayOptions {
  /** Who asked for it, for the event. */
  actor: string
  /** Undefined for what was given up. */
  since?: Date | undefined
  /** The parts after which it stops; each looks at {@link REPLAY_PART} events. By default it goes on to the end. */
  maxParts?: number | undefined
  /** Where it goes on, instead of `since`. */
  cursor?: string | undefined
  onProgress?: ((queued: number) => void) | undefined
}

/**
 * Queues events again: those that were given up, or all from an instant until now. Those that wait already are not queued
 * twice.
 *
 * @returns how many events were queued, and where to go on; null if nothing is left
 * @throws LatchkeyError webhook_not_found; invalid_request for a cursor that this function has not given
 */
export async function replayEvents(
  { db, dispatcher }: Pick<AuthContext, 'db' | 'dispatcher'>,
  id: string,
  { since, cursor, actor, maxParts = Number.POSITIVE_INFINITY, onProgress = () => {} }: ReplayOptions,
): Promise<{ queued: number; nextCursor: string | null }> {
  const { id: receiverId, types } = await findReceiver(db, id)
  let from = cursor !== undefined ? readPosition(cursor) : since && { since }
  let queued = 0
  for (let part = 0; part < maxParts; part++) {
    if (from === undefined) {
      const retried = await db.deliveries.retryAbandoned(receiverId, REPLAY_PART)
      queued += retried
      if (part === 0 && cursor === undefined) await record()
      if (retried < REPLAY_PART) return end()
    } else {
      const replayed = await db.deliveries.replay({ receiverId, types, from, limit: REPLAY_PART })
      queued += replayed.queued
      if (part === 0 && cursor === undefined) await record()
      if (replayed.next === undefined) return end()
      from = replayed.next
    }
    onProgress(queued)
  }
  dispatcher?.wake()
  return { queued, nextCursor: from !== undefined && 'at' in from ? writePosition(from) : GIVEN_UP }

  /** After the first part, so that the event itself is not sent again. */
  async function record(): Promise<void> {
    const details = { webhook_id: receiverId, ...(since && { since: since.toISOString() }) }
    await db.securityEvents.add({ type: 'webhook_replayed', actor, details })
  }

  function end() {
    dispatcher?.wake()
    return { queued, nextCursor: null }
  }
}

/** The cursor of a replay of what was given up: what is queued again is no longer given up, so it begins anew. */
const GIVEN_UP = 'given-up'

function writePosition({ at, id, until }: ReplayPosition): string {
  return Buffer.from(JSON.stringify([at, id, until])).toString('base64url')
}

/** @throws LatchkeyError invalid_request */
function readPosition(cursor: string): ReplayPosition | undefined {
  if (cursor === GIVEN_UP) return undefined
  try {
    const [at, id, until] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[]
    if (isInstant(at) && isInstant(until) && typeof id === 'string' && isUuid(id)) return { at, id, until }
  } catch {
    // Refused below.
  }
  throw unknownCursor()
}

/** As Postgres writes it. It would fail at a day that does not exist, and has no year 0. */
function isInstant(text: unknown): text is string {
  const [, day, time] = (typeof text === 'string' && INSTANT.exec(text)) || []
  if (day === undefined) return false
  const instant = new Date(`${day}T${time}Z`)
  const isReal = !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(`${day}T${time}`)
  return isReal && instant.getUTCFullYear() > 0
}

const INSTANT = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d{1,6})?[+-](?:0\d|1[0-4])(?::[0-5]\d)?$/
