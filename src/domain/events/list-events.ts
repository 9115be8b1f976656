import type { Principal } from '@latchkey/verifier/core'
import type { ExpiredSession } from '../../postgres/expired-sessions.js'
import type { SecurityEvent, SecurityEventType } from '../../postgres/security-events.js'
import type { AuthContext } from '../context.js'
import { type Device, describeDevice } from '../sessions/describe-device.js'

export interface EventsQuery {
  limit: number
  /** The id of the last event of the previous page. */
  before?: string | undefined
}

export interface ListedEvent extends SecurityEvent {
  type: SecurityEventType
  /** The browser that caused it; null if there was none, or if it is not shown to the owner. */
  device: Device | null
}

export interface EventPage {
  /** Newest first. */
  events: ListedEvent[]
  /** The `before` of the next page; null on the last page. */
  next: string | null
}

/**
 * The events of an account with all details, for support. The event of a session that expired is added by the first
 * call after that.
 */
export async function listEvents(
  { db, config }: Pick<AuthContext, 'db' | 'config'>,
  { userId, limit, before, except = [] }: EventsQuery & { userId: string; except?: readonly SecurityEventType[] },
): Promise<EventPage> {
  const { session_expired: retentionSeconds = config.eventRetentionSeconds } = config.eventRetentionByType
  const expired = await db.expiredSessions.of(userId, retentionSeconds)
  if (expired.length > 0) await db.securityEvents.addAll(expired.map(sessionExpiredEvent))
  const found = await db.securityEvents.of(userId, { limit: limit + 1, before, except })
  const events = found.slice(0, limit).map(withDevice)
  return { events, next: found.length > limit ? events.at(-1)!.id : null }
}

/**
 * What an application notes about a user is not for the user, and may change often. A notice tells by mail what the event
 * beside it tells here.
 */
const NOT_FOR_OWNERS = [
  'metadata_changed',
  'letter_new_device',
  'letter_password_changed',
  'letter_deletion_requested',
  'letter_email_changed',
] as const

/** The events of the user's own account, without details about other people. */
export async function listOwnEvents(
  context: Pick<AuthContext, 'db' | 'config'>,
  { userId }: Principal,
  query: EventsQuery,
): Promise<EventPage> {
  const { events, next } = await listEvents(context, { ...query, userId, except: NOT_FOR_OWNERS })
  return { events: events.map(event => visibleToOwner(event, userId)), next }
}

/** The event of a session that expired. That happens once, so the session's id is also the event's id. */
export function sessionExpiredEvent({ id, userId, endedAt, wasIdle, userAgent }: ExpiredSession) {
  return {
    id,
    at: endedAt,
    type: 'session_expired' as const,
    userId,
    sessionId: id,
    actor: 'system',
    // The session's own: no request caused its end.
    userAgent: userAgent ?? undefined,
    details: { reason: wasIdle ? 'idle' : 'max_age' },
  }
}

/** The details that the owner sees. All others are for support. */
const SHOWN_DETAILS = new Set(['delete_at', 'new_device', 'reason', 'roles', 'scope'])

/** If somebody else caused the event, the owner sees only that it was an administrator, not who, where or with what. */
function visibleToOwner(event: ListedEvent, userId: string): ListedEvent {
  const details = Object.fromEntries(Object.entries(event.details ?? {}).filter(([name]) => SHOWN_DETAILS.has(name)))
  if (event.actor === 'system') return { ...event, details }
  if (event.actor === 'user' || event.actor === userId) return { ...event, details, actor: 'user' }
  return { ...event, details, actor: 'administrator', ip: null, userAgent: null, device: null }
}

/** Adds the device that its user agent describes. */
export function withDevice(event: SecurityEvent): ListedEvent {
  const { userAgent } = event
  return { ...event, device: userAgent === null ? null : describeDevice(userAgent) }
}
