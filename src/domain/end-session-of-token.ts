import { LatchkeyError } from '../lib/errors.js'
import { commitAndAnnounce } from './commit-and-announce.js'
import type { AuthContext, Caller } from './context.js'
import { endSessions } from './end-sessions.js'
import { examineRefreshToken } from './examine-refresh-token.js'
import { readRefreshToken } from './refresh-token.js'
import { sessionOver } from './session-over.js'

/**
 * Ends the session of a refresh token. Other than a logout it says so when there was nothing left to end. A superseded
 * token ends its session too: it is genuine, and anyone who wants out is let out.
 *
 * @throws LatchkeyError refresh_token_invalid, refresh_token_expired, session_revoked, session_expired, user_disabled
 */
export async function endSessionOfToken(
  context: Pick<AuthContext, 'activity' | 'clock' | 'config' | 'db' | 'revocations' | 'secrets'>,
  text: string,
  caller: Caller,
): Promise<void> {
  const { secrets } = context
  const presented = readRefreshToken(text, secrets.refreshKeys)
  if (!presented) throw new LatchkeyError('refresh_token_invalid')
  const { sessionId } = presented
  const { verdict, state } = await examineRefreshToken(context, presented)
  if (!state || verdict.is === 'over')
    throw sessionOver(context, verdict.is === 'over' ? verdict.code : 'session_revoked', sessionId, state)

  await commitAndAnnounce(context, async repositories => {
    const entries = await endSessions(repositories, state.userId, [sessionId], 'logout')
    // Somebody else ended it since it was looked at.
    if (entries.length === 0) throw new LatchkeyError('session_revoked')
    const event = { userId: state.userId, sessionId, actor: 'user', ...caller, details: { scope: 'session' } }
    await repositories.securityEvents.add({ ...event, type: 'signed_out' })
  })
}
