import { LatchkeyError } from '../lib/errors.js'
import type { AuthContext } from './context.js'
import { examineRefreshToken } from './examine-refresh-token.js'
import { ANYBODY, refuseForeign } from './presenter.js'
import { readRefreshToken } from './refresh-token.js'
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
  const presented = readRefreshToken(text, context.secrets.refreshKeys)
  if (!presented) throw new LatchkeyError('refresh_token_invalid')
  const { verdict, state } = await examineRefreshToken(context, presented)
  refuseForeign(ANYBODY, state)
  if (verdict.is === 'over') throw sessionOver(context, verdict.code, presented.sessionId, state)
  if (verdict.is === 'superseded' || verdict.is === 'reused') throw new LatchkeyError('refresh_token_superseded')
  if (verdict.is === 'unknown') throw new LatchkeyError('refresh_token_unknown')
}
