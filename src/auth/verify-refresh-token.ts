import { LatchkeyError } from '../errors.js'
import type { AuthContext } from './context.js'
import { isSuccessorInUse } from './is-successor-in-use.js'
import { judgeRefreshToken } from './judge-refresh-token.js'
import { ANYBODY, refuseForeign } from './presenter.js'
import { hashOf, readRefreshToken } from './refresh-token.js'
import { sessionOver } from './session-over.js'

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
  const { config, db, secrets } = context
  const presented = readRefreshToken(text, secrets.refreshKeys)
  if (!presented) throw new LatchkeyError('refresh_token_invalid')
  const state = await db.refreshTokens.find(presented.sessionId, config.refresh.replayWindowSeconds)
  refuseForeign(ANYBODY, state)
  const hash = hashOf(presented)
  const successorInUse = state !== undefined && (await isSuccessorInUse(context, state, hash))
  const verdict = judgeRefreshToken({ hash, generation: presented.generation }, state, config.refresh, successorInUse)
  if (verdict.is === 'over') throw sessionOver(context, verdict.code, presented.sessionId, state)
  if (verdict.is === 'reused') throw new LatchkeyError('refresh_token_reused')
  if (verdict.is === 'unknown') throw new LatchkeyError('refresh_token_unknown')
}
