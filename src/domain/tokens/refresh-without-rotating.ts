import { type Concerns, concerning, LatchkeyError } from '../../lib/errors.js'
import type { AuthContext, Caller } from '../context.js'
import { examineRefreshToken, FIRST_PARTY, requireBoundClient, sessionOverError } from './examine-refresh-token.js'
import { type AccessGrant, grantAccessToken } from './grant-tokens.js'
import { type Answered, measureRefresh } from './measure-refresh.js'
import { type RefreshToken, requireRefreshToken } from './refresh-token.js'
import { unknownTokenError } from './refused-refresh-tokens.js'

/**
 * Gives an access token for a refresh token and changes nothing in the session: for server-side code that cannot write
 * cookies, so that its client would never get a successor. The token is judged as in a rotation (docs/rotation.md,
 * "Without rotating"), but a superseded one is only refused. Nothing counts as its second use, so no number of requests
 * ends a session.
 *
 * @param mark in the token's cookie; null if there is none
 * @throws LatchkeyError client_required, refresh_token_invalid, refresh_token_unknown, refresh_token_expired,
 *   refresh_token_superseded without a ticket, session_revoked, session_expired, user_disabled
 */
export function refreshWithoutRotating(
  context: AuthContext,
  text: string,
  mark: number | null,
  caller: Caller,
): Promise<AccessGrant> {
  return measureRefresh(false, answered => judgeAndGrant(context, text, mark, caller, answered))
}

async function judgeAndGrant(
  context: AuthContext,
  text: string,
  mark: number | null,
  caller: Caller,
  answered: Answered,
): Promise<AccessGrant> {
  const presented = requireRefreshToken(text, context.secrets.refreshKeys)
  const concerns: Concerns = { sessionId: presented.sessionId }
  try {
    return await grant(context, presented, mark, caller, { concerns, answered })
  } catch (error) {
    throw concerning(error, concerns)
  }
}

/** @param facts filled in when the session is read and judged */
async function grant(
  context: AuthContext,
  presented: RefreshToken,
  mark: number | null,
  caller: Caller,
  { concerns, answered }: { concerns: Concerns; answered: Answered },
): Promise<AccessGrant> {
  // Without tickets: only a client that can store a newer token shows something by coming back without one.
  const verdict = await examineRefreshToken(context, presented, { mark, tickets: [], inBody: false })
  concerns.userId = verdict.state?.userId
  concerns.clientId = verdict.state?.clientId
  requireBoundClient(FIRST_PARTY, verdict.state)
  switch (verdict.is) {
    case 'over':
      throw sessionOverError(context, presented, verdict)
    case 'superseded':
    case 'reused':
      throw new LatchkeyError('refresh_token_superseded')
    case 'unknown':
      // A page asks once for each of its parts. One event shows it.
      if (context.eventThrottle.allows(`unknown ${presented.sessionId} ${presented.generation}`))
        throw unknownTokenError(context, presented, verdict.state, caller)
      throw new LatchkeyError('refresh_token_unknown')
    case 'due':
    case 'young':
    case 'replayed':
    case 'late':
      answered.row = GRANTING_ROWS[verdict.is]
      // Of the presented generation, also if there is a successor: who has only the previous token has not stored the
      // successor, and requests with this access token must not count as its use.
      context.activity.record(presented.sessionId, presented.generation)
      return grantAccessToken(context, verdict.state, presented.generation)
  }
}

/** A token that could be rotated, `due`, is answered without that. */
const GRANTING_ROWS = { due: '2', young: '3', replayed: '5', late: '6' } as const
