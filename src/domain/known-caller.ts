import type { AuthContext } from './context.js'
import { hasEntry, knownDevice } from './device-cookie.js'
import type { Principal } from './tokens/access-token.js'
import { isFirstParty } from './tokens/examine-refresh-token.js'

/** What may show that anyone who names an account was let in to it before. */
export interface Evidence {
  /** What the browser kept of earlier sign-ins. */
  deviceCookie?: string | undefined
  /** Whose live access token came with the request, if one did. */
  session?: Pick<Principal, 'userId' | 'sessionId' | 'clientId'> | undefined
}

/**
 * A browser or a session that was let in to an account before. Its attempts are counted apart: anybody can try a name
 * that they know, and must not use up with it what the owner has.
 */
export interface KnownCaller {
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
export function knownCaller(
  { config, secrets, clock }: Pick<AuthContext, 'config' | 'secrets' | 'clock'>,
  userId: string = NOBODY,
  { deviceCookie, session }: Evidence,
): KnownCaller | undefined {
  // A client opens sessions for anybody, as many as it likes: each would be worth guesses at the password.
  if (session?.userId === userId && isFirstParty(session)) {
    const { sessionId: id } = session
    return { id, counter: `session:${id}`, maxAgeSeconds: config.sessionMaxAgeSeconds }
  }
  const { deviceMaxAgeSeconds: maxAgeSeconds } = config.lockout
  const id = knownDevice(deviceCookie, userId, { keys: secrets.deviceKeys, maxAgeSeconds, now: clock() })
  return id === undefined ? undefined : { id, counter: `device:${id}`, maxAgeSeconds }
}

/** Whether a cookie may prove a sign-in to some account, by its form: which one is known when an account is at hand. */
export function isDeviceCookie(
  { config, secrets, clock }: Pick<AuthContext, 'config' | 'secrets' | 'clock'>,
  deviceCookie: string | undefined,
): boolean {
  const { deviceMaxAgeSeconds: maxAgeSeconds } = config.lockout
  return hasEntry(deviceCookie, { keys: secrets.deviceKeys, maxAgeSeconds, now: clock() })
}

const NOBODY = '00000000-0000-0000-0000-000000000000'
