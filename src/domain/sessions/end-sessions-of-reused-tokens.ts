import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext, Caller } from '../context.js'
import { examineRefreshToken } from '../tokens/examine-refresh-token.js'
import { type RefreshToken, readRefreshToken } from '../tokens/refresh-token.js'
import { isTicketFor, ticketOptions } from '../tokens/superseded-ticket.js'
import { endSessions } from './end-sessions.js'

/** Each one costs a statement, and a browser does not have more by accident. */
const MAX_SESSIONS = 4

/** The cookies of a request to sign in. */
export interface SignInCookies {
  /** The refresh tokens, with their marks. */
  tokens: readonly { text: string; mark: number | null }[]
  /** From earlier refusals. */
  tickets: readonly string[]
}

/**
 * Row 8 of docs/rotation.md at a sign-in. If the browser was told that its refresh token is superseded and has no newer
 * one, somebody else uses its session. The session is revoked, even if the sign-in fails.
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

/**
 * Two parties have tokens of the session, and the service cannot know which one is the thief: it revokes the session.
 */
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
