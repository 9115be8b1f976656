import { ipAddressForm } from '../../lib/ip-address.js'
import type { OriginChange } from '../../postgres/sessions.js'
import type { AuthContext, Caller } from '../context.js'
import { describeDevice } from './device.js'

/** Where a session was last used from, as the statement that let it in returned it. */
export interface KnownOrigin {
  sessionId: string
  userAgent: string | null
  ip: string | null
}

/**
 * Keeps a session's device, address and location up to date: a browser that was updated and a phone that moved are
 * shown as they are now. Written in the background, and only if something is another than before: a refresh stays one
 * statement. What a request does not say changes nothing.
 *
 * @returns what is new
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

/** Postgres writes an IPv6 address in its own way, whichever way it was sent. */
function isSameAddress(ip: string, stored: string | null): boolean {
  return ip === stored || (stored !== null && ipAddressForm(ip) === ipAddressForm(stored))
}
