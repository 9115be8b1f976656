import { type AuthContext, type Caller, commitAndAnnounce } from '../context.js'
import { examineRefreshToken } from '../tokens/examine-refresh-token.js'
import { type RefreshToken, readRefreshToken } from '../tokens/refresh-token.js'
import { isTicketFor, ticketOptions } from '../tokens/superseded-ticket.js'
import { endSessions } from './end-sessions.js'

/** Each costs a statement, and no browser has more by accident. */
const MAX_SESSIONS = 4

/** What a browser sent with a request to sign in. */
export interface SignInCookies {
  /** The refresh tokens, with the marks beside them. */
  tokens: readonly { text: string; mark: number | null }[]
  /** What it was given with earlier refusals. */
  tickets: readonly string[]
}

/**
 * Somebody signs in again whose browser was told that its refresh token is superseded, and has no newer one: somebody else
 * goes on with its session, which ends (docs/rotation.md, row 8), whether the sign-in succeeds or not.
 */
export async function endSessionsOfReusedTokens(
  context: AuthContext,
  { tokens, tickets }: SignInCookies,
  caller: Caller,
): Promise<void> {
  if (tickets.length === 0) return
  const options = ticketOptions(context)
  const told = newestOfEachSession(context, tokens).filter(({ token }) =>
    tickets.some(ticket => isTicketFor(ticket, token, options)),
  )
  for (const { token, mark } of told.slice(0, MAX_SESSIONS)) {
    const verdict = await examineRefreshToken(context, token, { mark, tickets, inBody: false })
    if (verdict.is === 'reused') await endSessionOfReusedToken(context, token, verdict.state.userId, caller)
  }
}

function newestOfEachSession(
  { secrets }: Pick<AuthContext, 'secrets'>,
  tokens: SignInCookies['tokens'],
): MarkedToken[] {
  const newest = new Map<string, MarkedToken>()
  for (const { text, mark } of tokens) {
    const token = readRefreshToken(text, secrets.refreshKeys)
    if (token && token.generation >= (newest.get(token.sessionId)?.token.generation ?? 0))
      newest.set(token.sessionId, { token, mark })
  }
  return [...newest.values()]
}

interface MarkedToken {
  token: RefreshToken
  mark: number | null
}

/** Two parties hold the session's tokens and nothing tells which is the thief: the session ends for both. */
export async function endSessionOfReusedToken(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  { sessionId, generation }: { sessionId: string; generation: number },
  userId: string,
  caller: Caller,
): Promise<void> {
  await commitAndAnnounce(context, async repositories => {
    const entries = await endSessions(repositories, userId, [sessionId], 'refresh_token_reused')
    const event = { userId, sessionId, actor: 'system', ...caller, details: { generation } }
    if (entries.length > 0) await repositories.securityEvents.add({ ...event, type: 'refresh_token_reused' })
  })
}
