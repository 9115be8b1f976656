import type { Principal } from '@latchkey/verifier/core'
import { LatchkeyError } from '../../lib/errors.js'
import type { User } from '../../postgres/users.js'
import type { AuthContext, Caller } from '../context.js'
import { verifyPassword } from './log-in.js'

/** The password of a user who is signed in, given once more for something that a stolen access token must not do. */
export interface OwnPassword {
  password: string
  /** The device cookie of the browser. */
  deviceCookie?: string | undefined
}

/**
 * Does work for a user who is signed in, if the password is right. Wrong ones count as at a sign-in.
 *
 * @throws LatchkeyError invalid_credentials, rate_limited, busy, token_revoked, and what the work throws
 */
export function withOwnPassword<T>(
  context: AuthContext,
  principal: Principal,
  { password, deviceCookie }: OwnPassword,
  caller: Caller,
  work: (user: User) => Promise<T>,
): Promise<T> {
  const { userId, tokenType } = principal
  return context.failureDelay.run(async joinQueue => {
    const account = await context.db.users.findById(userId)
    if (!account) throw new LatchkeyError('token_revoked', { tokenType })
    const credentials = { email: account.email, password, deviceCookie, session: principal }
    return work(await verifyPassword(context, credentials, caller, joinQueue))
  })
}
