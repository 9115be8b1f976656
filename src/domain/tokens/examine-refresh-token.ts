import { LatchkeyError } from '../../lib/errors.js'
import { beganAt } from '../../lib/ids.js'
import type { RefreshState } from '../../postgres/refresh-tokens.js'
import type { AuthContext } from '../context.js'
import { FIRST_PARTY_CLIENT_ID } from '../sessions/open-session.js'
import { SIMPLE_JWT_CLIENT_ID } from './access-token.js'
import { isPrevious, judgeRefreshToken, type SuccessorUse, type Verdict } from './judge-refresh-token.js'
import { hashOf, type RefreshToken, requireRefreshToken } from './refresh-token.js'
import { isTicketFor, ticketOptions } from './superseded-ticket.js'

/** What came with a refresh token and tells who presents it. */
export interface Proofs {
  /** The mark of the cookie; null where there is none, undefined where nobody asks. */
  mark: number | null | undefined
  /** Given with earlier refusals; the one for this token counts. */
  tickets: readonly string[]
  /** Whether the token came in the body of a request: whoever sent it has no cookies, and may have dropped the ticket. */
  inBody: boolean
}

/** For those who only want to know how a token stands. */
export const NO_PROOFS: Proofs = { mark: undefined, tickets: [], inBody: false }

/** A token in a body whose bearer keeps no ticket. */
export const BODY_PROOFS: Proofs = { mark: null, tickets: [], inBody: true }

/** Reads what the whitelist knows of a refresh token and judges it by the rotation table. Changes nothing. */
export async function examineRefreshToken(
  context: Pick<AuthContext, 'activity' | 'clock' | 'config' | 'db' | 'secrets'>,
  token: RefreshToken,
  { mark, tickets }: Proofs = NO_PROOFS,
): Promise<Verdict> {
  const { config, db } = context
  const state = await db.refreshTokens.find(token.sessionId)
  const hash = hashOf(token)
  const options = ticketOptions(context)
  const ticket = tickets.some(text => isTicketFor(text, token, options))
  const presented = { hash, generation: token.generation, mark, ticket }
  const use = await useOfSuccessor(context, state, hash)
  return judgeRefreshToken(presented, state, config.refresh, use)
}

/** Only where the table asks: whether the token that replaced a presented one was seen, and after it had settled. */
async function useOfSuccessor(
  { activity, clock, config }: Pick<AuthContext, 'activity' | 'clock' | 'config'>,
  state: RefreshState | undefined,
  hash: Buffer,
): Promise<SuccessorUse> {
  const row = state?.whitelist
  if (!row || !isPrevious({ hash }, row)) return 'unseen'
  const lastSeen = await activity.generationLastSeen(state.sessionId, row.generation)
  if (lastSeen === undefined) return 'unseen'
  const settledAt = clock() - (row.rotatedSecondsAgo - config.refresh.settleSeconds) * 1000
  return lastSeen > settledAt ? 'settled' : 'settling'
}

/**
 * Checks that a refresh token would be answered with tokens to anybody, and changes nothing, whatever it is: a token that was used
 * before is refused, but only who tries to use it again ends the session.
 *
 * @throws LatchkeyError what a refresh with it would throw
 */
export async function verifyRefreshToken(
  context: Pick<AuthContext, 'activity' | 'clock' | 'config' | 'db' | 'secrets'>,
  text: string,
): Promise<void> {
  const presented = requireRefreshToken(text, context.secrets.refreshKeys)
  const verdict = await examineRefreshToken(context, presented)
  requireBoundClient(FIRST_PARTY, verdict.state)
  if (verdict.is === 'over') throw sessionOverError(context, presented, verdict)
  if (verdict.is === 'superseded' || verdict.is === 'reused') throw new LatchkeyError('refresh_token_superseded')
  if (verdict.is === 'unknown') throw new LatchkeyError('refresh_token_unknown')
}

/**
 * The refusal of a genuine refresh token whose session is over. A session without a row, although none of its age is
 * cleared away yet, went with its user: the deletion of an account is all else that removes one.
 */
export function sessionOverError(
  { clock, config }: Pick<AuthContext, 'clock' | 'config'>,
  { sessionId }: Pick<RefreshToken, 'sessionId'>,
  { code, state }: Extract<Verdict, { is: 'over' }>,
): LatchkeyError {
  const isYoung = beganAt(sessionId) > clock() - config.sessionMaxAgeSeconds * 1000
  return new LatchkeyError(code, { account: state === undefined && isYoung ? 'deleted' : undefined })
}

/** Who presents a refresh token: the sessions of these `client_id`s are theirs to refresh, and no others (RFC 6749, 6). */
export interface RequestingClient {
  clientIds: readonly string[]
  /** What they are told of a session that is not. */
  refusal: 'client_required' | 'invalid_grant'
}

/** Somebody who shows no client's secret: the sessions that people open for themselves. */
export const FIRST_PARTY: RequestingClient = {
  clientIds: [FIRST_PARTY_CLIENT_ID, SIMPLE_JWT_CLIENT_ID],
  refusal: 'client_required',
}

/** Whether people opened a session for themselves. */
export function isFirstParty({ clientId }: { clientId: string }): boolean {
  return FIRST_PARTY.clientIds.includes(clientId)
}

/** A client that showed its secret: the sessions that it opened. */
export function registeredClient(client: { id: string }): RequestingClient {
  return { clientIds: [client.id], refusal: 'invalid_grant' }
}

/**
 * Asks whose a session is before anything else is asked about it: nothing follows from a token in foreign hands, be it
 * old or its session over, so that nobody can end a session by it, or learn what became of one.
 *
 * @throws LatchkeyError client_required, invalid_grant
 */
export function requireBoundClient(client: RequestingClient, session: { clientId: string } | undefined): void {
  if (session && !client.clientIds.includes(session.clientId)) throw new LatchkeyError(client.refusal)
}
