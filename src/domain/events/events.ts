import type { ExpiredSession } from '../../postgres/expired-sessions.js'
import type { SecurityEvent, SecurityEventType } from '../../postgres/security-events.js'
import type { AuthContext } from '../context.js'
import { type Device, describeDevice } from '../sessions/device.js'
import type { Principal } from '../tokens/access-token.js'

export interface EventsQuery {
  limit: number
  /** The id of the last event of the page before. */
  before?: string | undefined
}

export interface ListedEvent extends SecurityEvent {
  type: SecurityEventType
  /** Of the browser that caused it; null if there was none, or it is nobody's business. */
  device: Device | null
}

export interface EventPage {
  /** The latest first. */
  events: ListedEvent[]
  /** What to ask for next as `before`; null at the end. */
  next: string | null
}

/**
 * The events of an account with everything about them, for support. A session that ended by itself has its event from
 * the next look on.
 */
export async function listEvents(
  { db, config }: Pick<AuthContext, 'db' | 'config'>,
  { userId, limit, before }: EventsQuery & { userId: string },
): Promise<EventPage> {
  const expired = await db.expiredSessions.of(userId, config.eventRetentionSeconds)
  if (expired.length > 0) await db.securityEvents.addAll(expired.map(sessionExpiredEvent))
  const found = await db.securityEvents.of(userId, { limit: limit + 1, before })
  const events = found.slice(0, limit).map(event => ({ ...event, device: deviceOf(event) }))
  return { events, next: found.length > limit ? events.at(-1)!.id : null }
}

/** The events of one's own account, without what is other people's business. */
export async function listOwnEvents(
  context: Pick<AuthContext, 'db' | 'config'>,
  { userId }: Principal,
  query: EventsQuery,
): Promise<EventPage> {
  const { events, next } = await listEvents(context, { ...query, userId })
  return { events: events.map(event => visibleToOwner(event, userId)), next }
}

/** The event of a session that ended by itself. That happens once, so the session's id is the event's id too. */
export function sessionExpiredEvent({ id, userId, endedAt, wasIdle, userAgent }: ExpiredSession) {
  return {
    id,
    at: endedAt,
    type: 'session_expired' as const,
    userId,
    sessionId: id,
    actor: 'system',
    // Of the session: nobody asked for its end.
    userAgent: userAgent ?? undefined,
    details: { reason: wasIdle ? 'idle' : 'max_age' },
  }
}

/** Details that tell a person what happened to them. All others are for support. */
const SHOWN_DETAILS = new Set(['new_device', 'reason', 'roles', 'scope'])

/** Who else caused an event, from where and with what, is not for its owner to know: it was an administrator. */
function visibleToOwner(event: ListedEvent, userId: string): ListedEvent {
  const details = Object.fromEntries(Object.entries(event.details ?? {}).filter(([name]) => SHOWN_DETAILS.has(name)))
  if (event.actor === 'system') return { ...event, details }
  if (event.actor === 'user' || event.actor === userId) return { ...event, details, actor: 'user' }
  return { ...event, details, actor: 'administrator', ip: null, userAgent: null, device: null }
}

function deviceOf({ userAgent }: SecurityEvent): Device | null {
  return userAgent === null ? null : describeDevice(userAgent)
}
