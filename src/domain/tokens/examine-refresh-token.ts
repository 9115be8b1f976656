import { type Concerns, concerning, LatchkeyError } from '../../lib/errors.js'
import { beganAt } from '../../lib/ids.js'
import type { RefreshState } from '../../postgres/refresh-state.js'
import type { AuthContext } from '../context.js'
import { FIRST_PARTY_CLIENT_ID } from '../sessions/open-session.js'
import { SIMPLE_JWT_CLIENT_ID } from './access-token.js'
import {
  canBeExchanged,
  isPrevious,
  judgeRefreshToken,
  type SuccessorUse,
  type Verdict,
} from './judge-refresh-token.js'
import { hashOf, type RefreshToken, readRefreshToken, requireRefreshToken } from './refresh-token.js'
import { isTicketFor, ticketOptions } from './superseded-ticket.js'

/** What a client sends with a refresh token, as evidence of which copy of the session it has. */
export interface Proofs {
  /** The mark in the cookie; null if there is none, undefined if marks are not to be compared. */
  mark: number | null | undefined
  /** From earlier refusals; only a ticket for this token counts. */
  tickets: readonly string[]
  /** Whether the token came in the body of a request: such a client has no cookies and may have ignored the ticket. */
  inBody: boolean
}

/** For callers that only read the state of a token. */
export const NO_PROOFS: Proofs = { mark: undefined, tickets: [], inBody: false }

/** For a token in a body, in APIs that have no tickets. */
export const BODY_PROOFS: Proofs = { mark: null, tickets: [], inBody: true }

/** Reads the state of a refresh token's session and judges the token by the rotation table. Changes nothing. */
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

/** For the previous token only, since the table needs it only there: whether its successor is in use. */
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
 * Checks that a refresh with this token would succeed, and changes nothing: a superseded token is refused here, but
 * only a refresh with it can revoke the session.
 *
 * @returns whom the token concerns
 * @throws LatchkeyError the error of such a refresh, except that a reused token is only superseded
 */
export async function verifyRefreshToken(
  context: Pick<AuthContext, 'activity' | 'clock' | 'config' | 'db' | 'secrets'>,
  text: string,
): Promise<Concerns> {
  const presented = requireRefreshToken(text, context.secrets.refreshKeys)
  const verdict = await examineRefreshToken(context, presented)
  const concerns = concernsOf(presented, verdict)
  try {
    requireBoundClient(FIRST_PARTY, verdict.state)
    if (verdict.is === 'over') throw sessionOverError(context, presented, verdict)
    if (verdict.is === 'superseded' || verdict.is === 'reused') throw new LatchkeyError('refresh_token_superseded')
    if (verdict.is === 'unknown') throw new LatchkeyError('refresh_token_unknown')
    return concerns
  } catch (error) {
    throw concerning(error, concerns)
  }
}

/** Whom a refresh token concerns; of a session that no longer exists, only its id is known. */
function concernsOf({ sessionId }: Pick<RefreshToken, 'sessionId'>, { state }: Verdict): Concerns {
  return { sessionId, userId: state?.userId, clientId: state?.clientId }
}

/**
 * The error for a valid refresh token whose session is over. Rows of sessions are removed when they are old enough to
 * be cleaned up, or with their account. So if a younger session has no row, its account was deleted.
 */
export function sessionOverError(
  { clock, config }: Pick<AuthContext, 'clock' | 'config'>,
  presented: Pick<RefreshToken, 'sessionId'>,
  verdict: Extract<Verdict, { is: 'over' }>,
): LatchkeyError {
  const isYoung = beganAt(presented.sessionId) > clock() - config.sessionMaxAgeSeconds * 1000
  const account = verdict.state === undefined && isYoung ? 'deleted' : undefined
  return new LatchkeyError(verdict.code, { account, concerns: concernsOf(presented, verdict) })
}

/** The client that uses a refresh token. It can refresh only the sessions of its own `client_id`s (RFC 6749, 6). */
export interface RequestingClient {
  clientIds: readonly string[]
  /** The error for a session of another client. */
  refusal: 'client_required' | 'invalid_grant'
}

/** A request without client credentials: sessions that users opened themselves. */
export const FIRST_PARTY: RequestingClient = {
  clientIds: [FIRST_PARTY_CLIENT_ID, SIMPLE_JWT_CLIENT_ID],
  refusal: 'client_required',
}

/** Whether a user opened the session, not a client. */
export function isFirstParty({ clientId }: { clientId: string }): boolean {
  return FIRST_PARTY.clientIds.includes(clientId)
}

/** An authenticated client: sessions that it opened. */
export function registeredClient(client: { id: string }): RequestingClient {
  return { clientIds: [client.id], refusal: 'invalid_grant' }
}

/**
 * Checks that the session belongs to the client. This comes before every other check: a token used by the wrong client
 * has no effect, even if it is old or its session is over, so that client can neither revoke the session nor learn its
 * state.
 *
 * @throws LatchkeyError client_required, invalid_grant
 */
export function requireBoundClient(client: RequestingClient, session: { clientId: string } | undefined): void {
  if (session && !client.clientIds.includes(session.clientId)) throw new LatchkeyError(client.refusal)
}

type Needs = Pick<AuthContext, 'config' | 'db' | 'secrets' | 'activity' | 'clock'>

/** Whether this deployment issued a refresh token, even if it is no longer valid. Reads no store. */
export function isOwnRefreshToken({ secrets }: Pick<AuthContext, 'secrets'>, text: string): boolean {
  return readRefreshToken(text, secrets.refreshKeys) !== undefined
}

/**
 * Chooses which of several refresh tokens to use. After a change of the cookies' domain or path, a browser sends an old
 * cookie beside the new one, and using the old token would look like theft. So all are judged first, which changes
 * nothing: a live token is preferred, then the token of the newest session.
 *
 * @returns undefined if there are no tokens
 */
export async function chooseRefreshToken(context: Needs, texts: readonly string[]): Promise<string | undefined> {
  if (texts.length < 2) return texts[0]
  const own = texts.flatMap(text => {
    const token = readRefreshToken(text, context.secrets.refreshKeys)
    return token ? [{ text, token }] : []
  })
  // Session ids sort by time.
  own.sort((a, b) => compare(b.token.sessionId, a.token.sessionId) || b.token.generation - a.token.generation)
  const [newest] = own
  if (!newest || own.length < 2) return newest?.text ?? texts[0]

  let best = { text: newest.text, rank: RANKS.length }
  for (const { text, token } of own.slice(0, MAX_CANDIDATES)) {
    const rank = RANKS.indexOf(await judge(context, token))
    if (rank < best.rank) best = { text, rank }
    if (rank === 0) break
  }
  return best.text
}

/** A browser does not have more by accident, and each one costs a statement. */
const MAX_CANDIDATES = 8

type Standing = 'live' | Exclude<Verdict['is'], 'due' | 'young' | 'replayed'>

/** The best first. Tokens whose use would revoke their session come after those that would not. */
const RANKS: readonly Standing[] = ['live', 'late', 'unknown', 'superseded', 'reused', 'over']

async function judge(context: Needs, token: RefreshToken): Promise<Standing> {
  const verdict = await examineRefreshToken(context, token)
  return canBeExchanged(verdict) ? 'live' : verdict.is
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
