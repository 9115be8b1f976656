import type { AddedEvent } from '../../postgres/security-events.js'

/** The part of a logger that logs an event with fields. */
export interface EventLog {
  info(fields: object, message: string): void
}

/**
 * Logs a security event in one line. The browser is left out: its name is a text of the client's choice. No detail of an
 * event contains a secret or an e-mail address.
 */
export function logEvent(
  log: EventLog,
  { type, id, at, userAgent: _, language: _1, requestId, ...fields }: AddedEvent,
): void {
  log.info({ event: type, eventId: id, at: at.toISOString(), reqId: requestId, ...fields }, `security event ${type}`)
}
