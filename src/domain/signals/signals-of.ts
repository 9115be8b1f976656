import type { SecurityEvent } from '../../postgres/security-events.js'
import { reasonOf } from './reasons.js'
import { CREDENTIAL_CHANGE, SIGNALS_OF, TOKEN_CLAIMS_CHANGE } from './signal-types.js'

/** Identifies whom or what a signal is about (RFC 9493; `complex` is from SSF 1.0, 3.3). */
export type SubjectId = { format: string } & Record<string, unknown>

/** One signal: a type of CAEP or RISC, its subject, and the claims of the event. */
export interface Signal {
  type: string
  subject: SubjectId
  claims: Record<string, unknown>
}

/**
 * How a security event is told to other services (Shared Signals Framework 1.0): none, one or two signals. It depends on
 * nothing but the event, so an event that is sent again says the same.
 *
 * @param issuer `iss` of the tokens, which is also that of the users
 */
export function signalsOf(event: SecurityEvent, issuer: string): Signal[] {
  const subject = subjectOf(event, issuer)
  if (subject === undefined) return []
  return (SIGNALS_OF[event.type] ?? []).map(type => ({
    type,
    subject,
    claims: {
      event_timestamp: Math.floor(event.at.getTime() / 1000),
      initiating_entity: initiatorOf(event),
      ...reasonOf(event),
      ...ownClaims(event, type),
    },
  }))
}

function subjectOf(event: SecurityEvent, issuer: string): SubjectId | undefined {
  const { type, userId, sessionId, details } = event
  // Everything that a complex subject does not name is a wildcard: all users of this issuer.
  if (type === 'everyone_signed_out') return { format: 'complex', tenant: { format: 'uri', uri: issuer } }
  const user = userId === null ? undefined : { format: 'iss_sub', iss: issuer, sub: userId }
  // Instances of earlier versions wrote one event for all other sessions; it does not say which.
  if (type === 'signed_out' && details?.scope === 'others') return undefined
  const isOfOneSession =
    type === 'session_revoked' ||
    type === 'refresh_token_reused' ||
    (type === 'signed_out' && details?.scope === 'session')
  if (!isOfOneSession) return user
  if (sessionId === null) return undefined
  return { format: 'complex', ...(user && { user }), session: { format: 'opaque', id: sessionId } }
}

/** CAEP 1.0, 2: `system` decides by rules of its own only, which CAEP calls a policy. */
function initiatorOf({ actor }: SecurityEvent): 'user' | 'policy' | 'admin' {
  if (actor === 'user') return 'user'
  return actor === 'system' ? 'policy' : 'admin'
}

function ownClaims({ type, details }: SecurityEvent, signal: string): Record<string, unknown> {
  if (signal === CREDENTIAL_CHANGE)
    return { credential_type: 'password', change_type: type === 'account_secured' ? 'revoke' : 'update' }
  if (signal === TOKEN_CLAIMS_CHANGE) return { claims: { roles: details?.roles ?? [] } }
  // Only sessions that began before; an operator can choose an instant in the past.
  if (type === 'everyone_signed_out') return { sessions_began_before: details?.before }
  return {}
}
