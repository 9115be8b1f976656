import type { AuthContext } from './context.js'
import { rememberDevice } from './device-cookie.js'

/** What a browser is given to be known by when others try to guess the password of its account. */
export interface DeviceGrant {
  cookie: string
  maxAgeSeconds: number
}

export interface DeviceSignIn {
  userId: string
  transport: 'cookie' | 'body'
  /** What the browser kept of earlier sign-ins, to this account and to others. */
  deviceCookie?: string | undefined
  /** False for a browser that shall forget, this too. */
  remember?: boolean | undefined
}

/** For a browser that just signed in; undefined for clients that keep no cookies, and where no failures are counted. */
export function deviceGrant(
  { config, secrets, clock }: Pick<AuthContext, 'config' | 'secrets' | 'clock'>,
  { userId, transport, deviceCookie, remember = true }: DeviceSignIn,
): DeviceGrant | undefined {
  const { failures, deviceMaxAgeSeconds: maxAgeSeconds } = config.lockout
  const counted = failures > 0 || config.rateLimit.enabled
  if (transport !== 'cookie' || !remember || !counted) return undefined
  const options = { keys: secrets.deviceKeys, maxAgeSeconds, now: clock() }
  return { cookie: rememberDevice(deviceCookie, userId, options), maxAgeSeconds }
}
