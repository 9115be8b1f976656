import type { User } from '../postgres/users.js'
import type { AuthContext } from './context.js'
import type { KnownCaller } from './known-caller.js'

/**
 * What an attempt to sign in may lead to: `open`, the password decides. `last`, it does too, and if it is wrong the
 * account is locked from then on. `known`, the account is locked, and the password decides for this caller all the same.
 * `locked`, it is refused whatever the password is.
 */
export type Attempt = 'open' | 'last' | 'known' | 'locked'

/**
 * Counts an attempt on an account before anybody knows whether its password is right. Attempts at the same time each
 * get a number of their own, so no more of them than the limit are ever answered by their password.
 *
 * Beyond the limit the account is locked, except to a browser that proves an earlier sign-in to it and to its live
 * sessions. Each of them has a count of its own, so that a stolen one is worth as many guesses and no more. It is looked
 * at after the account's, so an account that others lock meanwhile is not locked to them.
 *
 * @param user undefined for a name without an account, which costs the same statements
 */
export async function reserveAttempt(
  { config, db }: Pick<AuthContext, 'config' | 'db'>,
  user: User | undefined,
  known: KnownCaller | undefined,
): Promise<Attempt> {
  const { failures: limit } = config.lockout
  if (limit === 0) return 'open'
  const userId = user?.id ?? NOBODY
  const count = await db.users.reserveAttempt(userId, limit)
  if (count !== undefined) return count < limit ? 'open' : 'last'

  if (known === undefined) return 'locked'
  const { id, maxAgeSeconds } = known
  return (await db.deviceFailures.reserveAttempt({ id, userId, limit, maxAgeSeconds })) ? 'known' : 'locked'
}

const NOBODY = '00000000-0000-0000-0000-000000000000'
