import type { AuthContext, Caller } from './context.js'
import { endStolenSession } from './end-stolen-session.js'
import { examineRefreshToken } from './examine-refresh-token.js'
import { type RefreshToken, readRefreshToken } from './refresh-token.js'

/** Each costs a statement, and no browser has more by accident. */
const MAX_SESSIONS = 4

/**
 * A browser that signs in again although it was told that its refresh token is superseded, and has no newer one: somebody
 * else goes on with its session, which ends (docs/rotation.md, row 8).
 *
 * @param texts the refresh tokens that the browser sent
 * @param tickets what it was given with the refusals
 */
export async function endOvertakenSessions(
  context: AuthContext,
  texts: readonly string[],
  tickets: readonly string[],
  caller: Caller,
): Promise<void> {
  if (tickets.length === 0) return
  for (const token of newestOfEachSession(context, texts).slice(0, MAX_SESSIONS)) {
    const { verdict, state } = await examineRefreshToken(context, token, { mark: null, tickets, inBody: false })
    if (verdict.is === 'reused' && state) await endStolenSession(context, token, state.userId, caller)
  }
}

function newestOfEachSession({ secrets }: Pick<AuthContext, 'secrets'>, texts: readonly string[]): RefreshToken[] {
  const newest = new Map<string, RefreshToken>()
  for (const text of texts) {
    const token = readRefreshToken(text, secrets.refreshKeys)
    if (token && token.generation >= (newest.get(token.sessionId)?.generation ?? 0)) newest.set(token.sessionId, token)
  }
  return [...newest.values()]
}
