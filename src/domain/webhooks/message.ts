import type { Language } from '../../lib/language.js'
import type { Delivery } from '../../postgres/deliveries.js'
import type { SecurityEventType } from '../../postgres/security-event-types.js'
import type { SecurityEvent } from '../../postgres/security-events.js'
import type { Letter } from '../letters/letters.js'
import { type Device, describeDevice } from '../sessions/describe-device.js'

/** What a webhook gets, in the form that Standard Webhooks recommends. */
export interface WebhookMessage {
  type: SecurityEventType | 'test'
  /** When it happened (RFC 3339). */
  timestamp: string
  data: {
    /** The id of the event: the same at every attempt, and in every other description of the event. */
    event_id: string
    user_id: string | null
    /** The account as it is now; null if the event has none, or if it was deleted. */
    user: { id: string; email: string; username: string | null; external_id: string | null } | null
    session_id: string | null
    /** Who caused it: `user`, `system`, `cli`, or the id of a client or administrator. */
    actor: string
    ip: string | null
    user_agent: string | null
    device: Device | null
    details: Record<string, unknown>
    /** Only for types that begin with `letter_`: what your mailer needs. The token is a secret. */
    letter?: {
      to: string
      language: Language
      token: string | null
      link: string
      /** RFC 3339. */
      expires_at: string | null
    }
  }
}

/** The message about an event. */
export function messageOf(event: SecurityEvent, user: Delivery['user']): WebhookMessage {
  const { userAgent } = event
  return {
    type: event.type,
    timestamp: event.at.toISOString(),
    data: {
      event_id: event.id,
      user_id: event.userId,
      user: user && { id: user.id, email: user.email, username: user.username, external_id: user.externalId },
      session_id: event.sessionId,
      actor: event.actor,
      ip: event.ip,
      user_agent: userAgent,
      device: userAgent === null ? null : describeDevice(userAgent),
      details: event.details ?? {},
    },
  }
}

/** The message about a letter. */
export function withLetter(message: WebhookMessage, { to, language, token, link, expiresAt }: Letter): WebhookMessage {
  const letter = { to, language, token, link, expires_at: expiresAt?.toISOString() ?? null }
  return { ...message, data: { ...message.data, letter } }
}

/** The message with which an operator tries a webhook. */
export function testMessage(id: string, now: number): WebhookMessage {
  const nothing = { user_id: null, user: null, session_id: null, ip: null, user_agent: null, device: null }
  return {
    type: 'test',
    timestamp: new Date(now).toISOString(),
    data: { event_id: id, ...nothing, actor: 'system', details: {} },
  }
}
