import { type ErrorCode, LatchkeyError } from '../lib/errors.js'
import { beganAt } from '../lib/ids.js'
import type { RefreshState } from '../postgres/refresh-tokens.js'
import type { AuthContext } from './context.js'

/**
 * The refusal of a genuine refresh token whose session is over. A session without a row, although none of its age is
 * cleared away yet, went with its user: the deletion of an account is all else that removes one.
 *
 * @param state undefined for a session without a row
 */
export function sessionOver(
  { clock, config }: Pick<AuthContext, 'clock' | 'config'>,
  code: ErrorCode,
  sessionId: string,
  state: RefreshState | undefined,
): LatchkeyError {
  const isYoung = beganAt(sessionId) > clock() - config.sessionMaxAgeSeconds * 1000
  return new LatchkeyError(code, { account: state === undefined && isYoung ? 'deleted' : undefined })
}
