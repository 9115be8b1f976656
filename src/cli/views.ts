import type { UserOverview } from '../domain/accounts/find-users.js'
import type { ListedEvent } from '../domain/events/list-events.js'
import type { SessionOverview } from '../domain/sessions/get-session.js'
import type { ListedSession } from '../domain/sessions/manage-sessions.js'
import { formatInstant } from './output.js'

// What commands print for people. As JSON they print what the HTTP API answers, and a few fields more.

export const USER_COLUMNS = ['E-MAIL', 'USERNAME', 'ROLES', 'STATE', 'LAST SIGN-IN', 'SESSIONS', 'ID']

export function userCells(overview: UserOverview): string[] {
  const { user, lastSignInAt, liveSessions } = overview
  return [
    user.email,
    user.username ?? '-',
    user.roles.join(', ') || '-',
    stateOfUser(overview),
    formatInstant(lastSignInAt),
    String(liveSessions),
    user.id,
  ]
}

export function userFields(overview: UserOverview): [string, string][] {
  const { user, lastSignInAt, liveSessions, metadata } = overview
  return [
    ['id', user.id],
    ['e-mail', user.email],
    ['username', user.username ?? '-'],
    ['external id', user.externalId ?? '-'],
    ['roles', user.roles.join(', ') || '-'],
    ['claims', user.claims === null ? '-' : JSON.stringify(user.claims)],
    ['metadata', metadata === null ? '-' : JSON.stringify(metadata)],
    ['state', stateOfUser(overview)],
    ['failed sign-ins in a row', String(user.failedLogins)],
    ['last sign-in', formatInstant(lastSignInAt)],
    ['live sessions', String(liveSessions)],
    ['created', formatInstant(user.createdAt)],
    ['password changed', formatInstant(user.passwordChangedAt)],
    ['disabled', formatInstant(user.disabledAt)],
    ['will be deleted', formatInstant(user.deleteAt)],
  ]
}

function stateOfUser({ user, isLocked }: UserOverview): string {
  const states = [
    user.disabledAt !== null && 'disabled',
    isLocked && 'locked',
    user.deleteAt !== null && 'deletion requested',
    user.mustChangePassword && 'must change password',
  ]
  return states.filter(state => state !== false).join(', ') || 'active'
}

export const SESSION_COLUMNS = ['ID', 'DEVICE', 'NAME', 'IP', 'LOCATION', 'CREATED', 'LAST ACTIVE', 'ENDS']

export function sessionCells(session: ListedSession): string[] {
  return [
    session.id,
    deviceText(session.device),
    session.label ?? '-',
    session.ip ?? '-',
    placeText(session.location),
    formatInstant(session.createdAt),
    formatInstant(session.lastActiveAt),
    formatInstant(session.idleExpiresAt),
  ]
}

export function sessionFields(session: SessionOverview): [string, string][] {
  return [
    ['id', session.id],
    ['user', `${session.email} (${session.userId})`],
    ['state', session.state],
    ['revoked', formatInstant(session.revokedAt)],
    ['reason', session.revokeReason ?? '-'],
    ['device', deviceText(session.device)],
    ['user agent', session.userAgent ?? '-'],
    ['name', session.label ?? '-'],
    ['ip', session.ip ?? '-'],
    ['location', placeText(session.location)],
    ['client_id', session.clientId],
    ['signed in with', session.authMethods.join(', ') || '-'],
    ['transport', session.transport],
    ['created', formatInstant(session.createdAt)],
    ['last active', formatInstant(session.lastActiveAt)],
    ['ends without a refresh', formatInstant(session.idleExpiresAt)],
    ['ends at the latest', formatInstant(session.expiresAt)],
  ]
}

/** A session in the fields of the HTTP API, with those for support. */
export function sessionJson(session: SessionOverview) {
  return {
    id: session.id,
    user_id: session.userId,
    email: session.email,
    client_id: session.clientId,
    state: session.state,
    revoked_at: session.revokedAt?.toISOString() ?? null,
    revoke_reason: session.revokeReason,
    device: session.device,
    user_agent: session.userAgent,
    label: session.label,
    ip: session.ip,
    location: session.location && { country: session.location.country, city: session.location.city ?? null },
    auth_methods: session.authMethods,
    transport: session.transport,
    remember: session.remember,
    created_at: session.createdAt.toISOString(),
    last_active_at: session.lastActiveAt?.toISOString() ?? null,
    expires_at: session.expiresAt.toISOString(),
    idle_expires_at: session.idleExpiresAt?.toISOString() ?? null,
    is_active: session.isLive,
  }
}

export const EVENT_COLUMNS = ['AT', 'TYPE', 'USER', 'SESSION', 'ACTOR', 'IP', 'DEVICE', 'DETAILS']
/** For events that are printed one by one. */
export const EVENT_WIDTHS = [20, 24, 36, 36, 8]

export function eventCells(event: ListedEvent): string[] {
  return [
    formatInstant(event.at),
    event.type,
    event.userId ?? '-',
    event.sessionId ?? '-',
    event.actor,
    event.ip ?? '-',
    deviceText(event.device),
    Object.keys(event.details ?? {}).length > 0 ? JSON.stringify(event.details) : '',
  ]
}

/** An event in the fields of the HTTP API, with the account. */
export async function eventJson(event: ListedEvent) {
  const { eventView } = await import('../http/routes/auth/events.js')
  return { ...eventView(event), user_id: event.userId }
}

function deviceText(device: { browser: string | null; os: string | null } | null): string {
  return [device?.browser, device?.os].filter(Boolean).join(', ') || '-'
}

function placeText(location: { country: string; city?: string | null } | null): string {
  return location === null ? '-' : [location.city, location.country].filter(Boolean).join(', ')
}
