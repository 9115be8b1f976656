import { LatchkeyError } from '../../lib/errors.js'
import type { NewSecurityEvent } from '../../postgres/security-events.js'
import type { AuthContext, Caller } from '../context.js'
import { endSessionOfReusedToken } from '../sessions/end-sessions-of-reused-tokens.js'
import type { LiveState } from './judge-refresh-token.js'
import type { RefreshToken } from './refresh-token.js'
import { ticketOptions, writeTicket } from './superseded-ticket.js'

/** Row 7: the error, which revokes nothing. */
export function supersededError(
  context: AuthContext,
  presented: RefreshToken,
  { userId }: LiveState,
  caller: Caller,
): LatchkeyError {
  if (context.eventThrottle.allows(`${presented.sessionId} ${presented.generation}`))
    recordRefreshEvent(context, 'refresh_superseded', presented, userId, caller)
  return new LatchkeyError('refresh_token_superseded', { ticket: writeTicket(presented, ticketOptions(context)) })
}

/** Row 8. */
export async function endReused(
  context: AuthContext,
  presented: RefreshToken,
  { userId }: LiveState,
  caller: Caller,
): Promise<never> {
  await endSessionOfReusedToken(context, presented, userId, caller)
  throw new LatchkeyError('refresh_token_reused')
}

/** Row 9. It revokes nothing, or an old backup would end sessions; but an operator should investigate. */
export function unknownTokenError(
  context: AuthContext,
  presented: RefreshToken,
  { userId }: LiveState,
  caller: Caller,
): LatchkeyError {
  context.log.error(
    `a refresh token with a valid tag does not match the state of session ${presented.sessionId} in the database`,
  )
  recordRefreshEvent(context, 'refresh_token_unknown', presented, userId, caller)
  return new LatchkeyError('refresh_token_unknown')
}

/** Records what a refresh showed about a session, with the generation of the presented token. */
export function recordRefreshEvent(
  context: AuthContext,
  type: NewSecurityEvent['type'],
  { sessionId, generation }: RefreshToken,
  userId: string | undefined,
  caller: Caller,
): void {
  context.recordEvent({ type, userId, sessionId, actor: 'system', ...caller, details: { generation } })
}
