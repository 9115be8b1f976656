import type { Revocation } from '../core/revocation.js'
import {
  FEED_VERSION,
  type FeedEntry,
  type FeedEventId,
  type FeedHeartbeat,
  type FeedStart,
  NO_REASON,
} from './feed-format.js'

// Writes the events of the feed: each function returns a complete event of `text/event-stream`.

/**
 * The entries of a revocation, as JSON: two for a change of roles, because the instant is only for tokens of the previous
 * version, which have no `roles_version`.
 */
export function encodeRevocation(revocation: Revocation): string[] {
  const { reason, expiresAt } = revocation
  const rest = {
    exp: expiresAt === null ? null : Math.ceil(expiresAt / 1000),
    ...(reason !== NO_REASON && { reason }),
  }
  return entriesOf(revocation).map(entry => JSON.stringify({ ...entry, ...rest }))
}

type Bare<Entry> = Entry extends unknown ? Omit<Entry, 'exp' | 'reason'> : never

function entriesOf(revocation: Revocation): Bare<FeedEntry>[] {
  switch (revocation.kind) {
    case 'session':
      return [{ kind: 'session', sid: revocation.subject }]
    case 'token':
      return [{ kind: 'token', jti: revocation.subject }]
    case 'key':
      return [{ kind: 'key', kid: revocation.subject }]
    case 'realm':
      return [{ kind: 'realm', auth_time: revocation.before }]
    case 'user': {
      const { subject: sub } = revocation
      const entries: Bare<FeedEntry>[] = []
      if ('belowVersion' in revocation) entries.push({ kind: 'user', sub, ver: revocation.belowVersion })
      if ('belowRolesVersion' in revocation)
        entries.push({ kind: 'roles', sub, roles_version: revocation.belowRolesVersion })
      if ('before' in revocation && revocation.before > 0)
        entries.push({ kind: 'user_before', sub, iat: revocation.before })
      return entries
    }
  }
}

/** @param entries - at most MAX_ENTRIES, from `encodeRevocation` */
export function encodeRevocations(entries: readonly string[]): string {
  return event('revocations', `[${entries.join(',')}]`)
}

export function encodeStart({ nowMs, timeMs, isSnapshot, reportEveryMs }: Omit<FeedStart, 'version'>): string {
  // Rounded up, and `as_of_ms` down, so that no list looks fresher than it is.
  const data = {
    version: FEED_VERSION,
    now_ms: Math.ceil(nowMs * 10) / 10,
    time_ms: Math.floor(timeMs),
    snapshot: isSnapshot,
  }
  return event('start', JSON.stringify({ ...data, report_every_ms: reportEveryMs }))
}

/** @param id - only after a page of the journal, with its position */
export function encodeHeartbeat({ asOfMs, timeMs, reportEveryMs, position }: FeedHeartbeat, id?: FeedEventId): string {
  const data = {
    as_of_ms: Math.floor(asOfMs * 10) / 10,
    time_ms: Math.floor(timeMs),
    report_every_ms: reportEveryMs,
    position,
  }
  const text = event('heartbeat', JSON.stringify(data))
  return id === undefined ? text : `id: ${id.serverStart}:${id.xid}\n${text}`
}

/** Asks for another connection within this time; this one stays open until then. */
export function encodeReconnect(withinMs: number): string {
  return event('reconnect', JSON.stringify({ within_ms: Math.round(withinMs) }))
}

/** How long a follower waits at most before it connects again. */
export function encodeRetry(ms: number): string {
  return `retry: ${Math.round(ms)}\n\n`
}

function event(name: string, data: string): string {
  return `event: ${name}\ndata: ${data}\n\n`
}
