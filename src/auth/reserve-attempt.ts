import type { User } from '../db/users.js'
import type { AuthContext } from './context.js'
import { knownDevice } from './device-cookie.js'

/**
 * What an attempt to sign in may lead to: `open`, the password decides. `last`, it does too, and if it is wrong the
 * account is locked from then on. `locked`, it is refused whatever the password is.
 */
export type Attempt = 'open' | 'last' | 'locked'

/**
 * Counts an attempt on an account before anybody knows whether its password is right. Attempts at the same time each
 * get a number of their own, so no more of them than the limit are ever answered by their password.
 *
 * Beyond the limit the account is locked, except to a browser that proves an earlier sign-in to it. That browser has a
 * count of its own, so that a stolen cookie is worth as many guesses and no more.
 *
 * @param user undefined for a name without an account, which costs the same statements
 */
export async function reserveAttempt(
  { config, db, secrets, clock }: Pick<AuthContext, 'config' | 'db' | 'secrets' | 'clock'>,
  user: User | undefined,
  deviceCookie: string | undefined,
): Promise<Attempt> {
  const { failures: limit, deviceMaxAgeSeconds: maxAgeSeconds } = config.lockout
  if (limit === 0) return 'open'
  const userId = user?.id ?? NOBODY
  const count = await db.users.reserveAttempt(userId, limit)
  if (count !== undefined) return count < limit ? 'open' : 'last'

  const deviceId = knownDevice(deviceCookie, userId, { keys: secrets.deviceKeys, maxAgeSeconds, now: clock() })
  if (deviceId === undefined) return 'locked'
  return (await db.deviceFailures.reserveAttempt({ deviceId, userId, limit, maxAgeSeconds })) ? 'open' : 'locked'
}

const NOBODY = '00000000-0000-0000-0000-000000000000'
