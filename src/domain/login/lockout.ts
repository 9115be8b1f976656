import type { Principal } from '@latchkey/verifier/core'
import type { User } from '../../postgres/users.js'
import type { AuthContext } from '../context.js'
import { isFirstParty } from '../tokens/examine-refresh-token.js'
import { findDeviceId, hasDeviceEntry } from './device-cookie.js'

/** What may prove that a caller has signed in to an account before. */
export interface EarlierSignInProof {
  /** The device cookie of the browser. */
  deviceCookie?: string | undefined
  /** The session of the live access token in the request, if there is one. */
  session?: Pick<Principal, 'userId' | 'sessionId' | 'clientId'> | undefined
}

/**
 * A browser or a session that has signed in to an account before. Its attempts are counted separately: anybody can try
 * a name that they know, and must not use up the attempts of the owner.
 */
interface KnownCaller {
  /** The id of the session or of the device. Both are UUIDs of one generator, so no two are the same. */
  id: string
  /** The key of its counter among all counters of attempts: `session:<id>` or `device:<id>`. */
  counter: string
  /** The longest time for which it can be known, in seconds; its counter must be kept as long. */
  maxAgeSeconds: number
}

/**
 * The caller, if it has signed in to this account before; undefined for outsiders. A live session comes before its
 * browser: a thief who has only the device cookie cannot use up the attempts of the session.
 *
 * @param userId undefined for a name without an account, which causes the same work
 */
export function findKnownCaller(
  { config, secrets, clock }: Pick<AuthContext, 'config' | 'secrets' | 'clock'>,
  userId: string = NO_USER_ID,
  { deviceCookie, session }: EarlierSignInProof,
): KnownCaller | undefined {
  // A client can open any number of sessions for any user: each would allow more guesses at the password.
  if (session?.userId === userId && isFirstParty(session)) {
    const { sessionId: id } = session
    return { id, counter: `session:${id}`, maxAgeSeconds: config.sessionMaxAgeSeconds }
  }
  const { deviceMaxAgeSeconds: maxAgeSeconds } = config.lockout
  const id = findDeviceId(deviceCookie, userId, { keys: secrets.deviceKeys, maxAgeSeconds, now: clock() })
  return id === undefined ? undefined : { id, counter: `device:${id}`, maxAgeSeconds }
}

/** Whether a cookie may prove a sign-in to some account, by its format only. */
export function isDeviceCookie(
  { config, secrets, clock }: Pick<AuthContext, 'config' | 'secrets' | 'clock'>,
  deviceCookie: string | undefined,
): boolean {
  const { deviceMaxAgeSeconds: maxAgeSeconds } = config.lockout
  return hasDeviceEntry(deviceCookie, { keys: secrets.deviceKeys, maxAgeSeconds, now: clock() })
}

/** No user has it: the statements for an unknown name are the same as for an account. */
const NO_USER_ID = '00000000-0000-0000-0000-000000000000'

/**
 * What an attempt to sign in can lead to. `open`: the password decides. `last`: the password decides, and if it is
 * wrong, the account is locked from then on. `known`: the account is locked, but for this caller the password decides.
 * `locked`: it is refused, even with the right password.
 */
export type Attempt = 'open' | 'last' | 'known' | 'locked'

/**
 * Counts an attempt on an account before the password is checked. Attempts at the same time each get their own number,
 * so the passwords of no more attempts than the limit are ever checked.
 *
 * Above the limit the account is locked, except for its live sessions and for a browser that proves an earlier sign-in.
 * Each of these has its own counter, with the same limit, so a stolen session or cookie allows no more guesses than
 * that. This counter is used after the account's counter, so that these callers can sign in although others lock the
 * account.
 *
 * @param user undefined for a name without an account, which causes the same statements
 */
export async function reserveAttempt(
  { config, db }: Pick<AuthContext, 'config' | 'db'>,
  user: User | undefined,
  known: KnownCaller | undefined,
): Promise<Attempt> {
  const { failures: limit } = config.lockout
  if (limit === 0) return 'open'
  const userId = user?.id ?? NO_USER_ID
  const count = await db.users.reserveAttempt(userId, limit)
  if (count !== undefined) return count < limit ? 'open' : 'last'

  if (known === undefined) return 'locked'
  const { id, maxAgeSeconds } = known
  return (await db.deviceFailures.reserveAttempt({ id, userId, limit, maxAgeSeconds })) ? 'known' : 'locked'
}

/** Whether an account is locked now, except for its live sessions and the browsers that it is known from. */
export function isLocked({ lockout }: AuthContext['config'], { failedLogins }: Pick<User, 'failedLogins'>): boolean {
  return lockout.failures > 0 && failedLogins >= lockout.failures
}
