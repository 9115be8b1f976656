import { ipAddressForm } from '../../lib/ip-address.js'
import type { OriginChange } from '../../postgres/sessions.js'
import type { AuthContext, Caller } from '../context.js'
import { describeDevice } from './describe-device.js'

/** The stored origin of a session: where it was last used. */
export interface KnownOrigin {
  sessionId: string
  userAgent: string | null
  ip: string | null
}

/**
 * Keeps a session's device, address and location up to date, for example after an update of the browser. It writes in
 * the background, and only if something has changed, so a refresh remains one statement. Values that the request does
 * not have stay as they are.
 *
 * @returns what has changed
 */
export function trackSessionOrigin(
  { db, locate, background }: Pick<AuthContext, 'db' | 'locate' | 'background'>,
  session: KnownOrigin,
  { userAgent, ip }: Caller,
): OriginChange {
  const change: OriginChange = {}
  if (userAgent && userAgent !== session.userAgent) change.browser = { userAgent, device: describeDevice(userAgent) }
  if (ip !== undefined && !isSameAddress(ip, session.ip)) change.address = { ip, location: locate(ip) ?? null }
  if (change.browser || change.address)
    background.run("keep a session's device up to date", () => db.sessions.updateOrigin(session.sessionId, change))
  return change
}

/** Postgres returns an IPv6 address in its own spelling. */
function isSameAddress(ip: string, stored: string | null): boolean {
  return ip === stored || (stored !== null && ipAddressForm(ip) === ipAddressForm(stored))
}
