import type { User } from '../../postgres/users.js'
import type { AuthContext } from '../context.js'
import type { Principal } from '../tokens/access-token.js'
import { isFirstParty } from '../tokens/examine-refresh-token.js'
import { findDeviceId, hasDeviceEntry } from './device-cookie.js'

/** What may show that anyone who names an account was let in to it before. */
export interface EarlierSignInProof {
  /** What the browser kept of earlier sign-ins. */
  deviceCookie?: string | undefined
  /** Whose live access token came with the request, if one did. */
  session?: Pick<Principal, 'userId' | 'sessionId' | 'clientId'> | undefined
}

/**
 * A browser or a session that was let in to an account before. Its attempts are counted apart: anybody can try a name
 * that they know, and must not use up with it what the owner has.
 */
interface KnownCaller {
  /** The id of the session or of the device. Both come from one generator, so that no two of them are the same. */
  id: string
  /** What its attempts are counted by where all are counted: `session:<id>` or `device:<id>`. */
  counter: string
  /** For how long it can be known at the most, in seconds; a count of it must be kept as long. */
  maxAgeSeconds: number
}

/**
 * The known caller among those who name this account; undefined for outsiders. A live session goes before the browser
 * that it is in: who stole the browser's cookie alone can't use up what the session has.
 *
 * @param userId undefined for a name without an account, which costs the same work
 */
export function findKnownCaller(
  { config, secrets, clock }: Pick<AuthContext, 'config' | 'secrets' | 'clock'>,
  userId: string = NO_USER_ID,
  { deviceCookie, session }: EarlierSignInProof,
): KnownCaller | undefined {
  // A client opens sessions for anybody, as many as it likes: each would be worth guesses at the password.
  if (session?.userId === userId && isFirstParty(session)) {
    const { sessionId: id } = session
    return { id, counter: `session:${id}`, maxAgeSeconds: config.sessionMaxAgeSeconds }
  }
  const { deviceMaxAgeSeconds: maxAgeSeconds } = config.lockout
  const id = findDeviceId(deviceCookie, userId, { keys: secrets.deviceKeys, maxAgeSeconds, now: clock() })
  return id === undefined ? undefined : { id, counter: `device:${id}`, maxAgeSeconds }
}

/** Whether a cookie may prove a sign-in to some account, by its form: which one is known when an account is at hand. */
export function isDeviceCookie(
  { config, secrets, clock }: Pick<AuthContext, 'config' | 'secrets' | 'clock'>,
  deviceCookie: string | undefined,
): boolean {
  const { deviceMaxAgeSeconds: maxAgeSeconds } = config.lockout
  return hasDeviceEntry(deviceCookie, { keys: secrets.deviceKeys, maxAgeSeconds, now: clock() })
}

const NO_USER_ID = '00000000-0000-0000-0000-000000000000'

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
  const userId = user?.id ?? NO_USER_ID
  const count = await db.users.reserveAttempt(userId, limit)
  if (count !== undefined) return count < limit ? 'open' : 'last'

  if (known === undefined) return 'locked'
  const { id, maxAgeSeconds } = known
  return (await db.deviceFailures.reserveAttempt({ id, userId, limit, maxAgeSeconds })) ? 'known' : 'locked'
}
