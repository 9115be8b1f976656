import type { RefreshState } from '../postgres/refresh-tokens.js'
import type { AuthContext } from './context.js'
import { isPrevious, judgeRefreshToken, type SuccessorUse, type Verdict } from './judge-refresh-token.js'
import { hashOf, type RefreshToken } from './refresh-token.js'
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

/** A verdict, and what it was found by; undefined when the session is gone. */
export interface Examined {
  verdict: Verdict
  state: RefreshState | undefined
}

/** Reads what the whitelist knows of a refresh token and judges it by the rotation table. Changes nothing. */
export async function examineRefreshToken(
  context: Pick<AuthContext, 'activity' | 'clock' | 'config' | 'db' | 'secrets'>,
  token: RefreshToken,
  { mark, tickets }: Proofs = NO_PROOFS,
): Promise<Examined> {
  const { config, db } = context
  const state = await db.refreshTokens.find(token.sessionId)
  const hash = hashOf(token)
  const options = ticketOptions(context)
  const ticket = tickets.some(text => isTicketFor(text, token, options))
  const presented = { hash, generation: token.generation, mark, ticket }
  const use = await useOfSuccessor(context, state, hash)
  return { verdict: judgeRefreshToken(presented, state, config.refresh, use), state }
}

/** Only where the table asks: whether the token that replaced a presented one was seen, and after it had settled. */
async function useOfSuccessor(
  { activity, clock, config }: Pick<AuthContext, 'activity' | 'clock' | 'config'>,
  state: RefreshState | undefined,
  hash: Buffer,
): Promise<SuccessorUse> {
  const row = state?.whitelist
  if (!state || !row || !isPrevious({ hash }, row)) return 'unseen'
  const lastSeen = await activity.generationLastSeen(state.sessionId, row.generation)
  if (lastSeen === undefined) return 'unseen'
  const settledAt = clock() - (row.rotatedSecondsAgo - config.refresh.settleSeconds) * 1000
  return lastSeen > settledAt ? 'settled' : 'settling'
}
