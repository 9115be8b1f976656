import type { Revocation } from '../core/revocation.js'

// The wire format of the feed, which docs/feed.md specifies: what its events say, and how a follower reads them.
// encode-feed.ts writes them.

/** The value of `version` in the event `start`. A follower that finds a higher one must not trust what it reads. */
export const FEED_VERSION = 1
/** The most entries of one event. */
export const MAX_ENTRIES = 500

/** The reason of an entry without one. A snapshot has none, because the list does not keep reasons. */
export const NO_REASON = 'recovered'

export interface FeedStart {
  version: number
  /** The sender's monotonic clock when it sent this, in milliseconds; `asOfMs` is on the same clock. */
  nowMs: number
  /** The sender's wall clock, in milliseconds since the epoch. */
  timeMs: number
  /** Whether everything follows, or only what was missed since the `Last-Event-ID`. */
  isSnapshot: boolean
  /** How often a verifier can confirm its position. */
  reportEveryMs: number | undefined
}

export interface FeedHeartbeat {
  /** On the clock of `nowMs`: everything that was committed before was sent before. */
  asOfMs: number
  timeMs: number
  reportEveryMs: number | undefined
  /** What a verifier confirms; only in a heartbeat with an id. */
  position: string | undefined
}

/** What to send as `Last-Event-ID`: where to continue in the journal of one database server. */
export interface FeedEventId {
  /** When the server process of the database started. Another value means another server, with unrelated xids. */
  serverStart: string
  /** A 64-bit transaction id, in decimal. */
  xid: string
}

/** Each field is named like the claim that it is compared with; see docs/feed.md. */
export type FeedEntry = { exp: number | null; reason?: string } & (
  | { kind: 'session'; sid: string }
  | { kind: 'token'; jti: string }
  | { kind: 'user'; sub: string; ver: number }
  | { kind: 'roles'; sub: string; roles_version: number }
  | { kind: 'user_before'; sub: string; iat: number }
  | { kind: 'key'; kid: string }
  | { kind: 'realm'; auth_time: number }
)

/** The entries of an event `revocations`. */
export interface FeedEntries {
  revocations: Revocation[]
  /** How many entries have a kind that only a later version knows. They are ignored. */
  unknown: number
  /** How many entries, or whole events, have a form that no version has. They are ignored, and worth a warning. */
  malformed: number
}

/** Reads the data of an event `revocations`. Unknown fields are ignored. */
export function decodeRevocations(data: string): FeedEntries {
  const read: FeedEntries = { revocations: [], unknown: 0, malformed: 0 }
  const entries = parse(data)
  if (!Array.isArray(entries) || entries.length > MAX_ENTRIES) return { ...read, malformed: 1 }
  for (const entry of entries) {
    const revocation = revocationOf(entry)
    if (typeof revocation === 'string') read[revocation]++
    else read.revocations.push(revocation)
  }
  return read
}

/** Reads the data of an event `start`; undefined if it is malformed. */
export function decodeStart(data: string): FeedStart | undefined {
  const { version, now_ms: nowMs, time_ms: timeMs, snapshot, report_every_ms: reportEveryMs } = fieldsOf(parse(data))
  if (!isWhole(version, 1, MAX_INSTANT) || !isTime(nowMs) || !isTime(timeMs)) return undefined
  return { version, nowMs, timeMs, isSnapshot: snapshot !== false, reportEveryMs: reportEvery(reportEveryMs) }
}

/** Reads the data of an event `heartbeat`; undefined if it is malformed. */
export function decodeHeartbeat(data: string): FeedHeartbeat | undefined {
  const { as_of_ms: asOfMs, time_ms: timeMs, report_every_ms: reportEveryMs, position } = fieldsOf(parse(data))
  if (!isTime(asOfMs) || !isTime(timeMs)) return undefined
  const hasPosition = typeof position === 'string' && position.length > 0 && position.length <= MAX_POSITION_LENGTH
  return { asOfMs, timeMs, reportEveryMs: reportEvery(reportEveryMs), position: hasPosition ? position : undefined }
}

/** Reads the data of an event `reconnect`: within how many milliseconds; undefined if it is malformed. */
export function decodeReconnect(data: string): number | undefined {
  const { within_ms: withinMs } = fieldsOf(parse(data))
  return isWhole(withinMs, 0, MAX_WAIT_MS) ? withinMs : undefined
}

/** Reads an event id; undefined if it has another form. */
export function decodeEventId(id: string): FeedEventId | undefined {
  const [, serverStart, xid] = /^(\d{1,12}(?:\.\d{1,9})?):(\d{1,20})$/.exec(id) ?? []
  return serverStart === undefined || xid === undefined ? undefined : { serverStart, xid }
}

const MAX_TEXT_LENGTH = 200
/** Positions list the transactions that are open. */
const MAX_POSITION_LENGTH = 65_536
/** The largest value of a version's column. */
const MAX_VERSION = 0x7fff_ffff
/** In seconds: the year 9999. */
const MAX_INSTANT = 253_402_300_799
const MAX_WAIT_MS = 3_600_000

type Fields = Readonly<Record<string, unknown>>

/** What is refused, without the reason and the expiry. */
type Refused = Revocation extends infer Kind
  ? Kind extends Revocation
    ? Omit<Kind, 'reason' | 'expiresAt'>
    : never
  : never

function revocationOf(value: unknown): Revocation | 'unknown' | 'malformed' {
  const entry = fieldsOf(value)
  const refused = refusedBy(entry)
  if (typeof refused === 'string') return refused
  const { exp } = entry
  const reason = isText(entry.reason) ? entry.reason : NO_REASON
  // Only the entry of a key is kept for ever.
  if (exp === null) return refused.kind === 'key' ? { ...refused, reason, expiresAt: null } : 'malformed'
  return isWhole(exp, 0, MAX_INSTANT) ? { ...refused, reason, expiresAt: exp * 1000 } : 'malformed'
}

function refusedBy(entry: Fields): Refused | 'unknown' | 'malformed' {
  const { kind, sid, jti, sub, kid, ver, roles_version, iat, auth_time } = entry
  switch (kind) {
    case 'session':
      return isText(sid) ? { kind, subject: sid } : 'malformed'
    case 'token':
      return isText(jti) ? { kind, subject: jti } : 'malformed'
    case 'key':
      return isText(kid) ? { kind, subject: kid } : 'malformed'
    case 'user':
      return isText(sub) && isWhole(ver, 0, MAX_VERSION) ? { kind, subject: sub, belowVersion: ver } : 'malformed'
    case 'roles':
      return isText(sub) && isWhole(roles_version, 0, MAX_VERSION)
        ? { kind: 'user', subject: sub, belowRolesVersion: roles_version, before: 0 }
        : 'malformed'
    case 'user_before':
      return isText(sub) && isWhole(iat, 0, MAX_INSTANT) ? { kind: 'user', subject: sub, before: iat } : 'malformed'
    case 'realm':
      return isWhole(auth_time, 0, MAX_INSTANT) ? { kind, before: auth_time } : 'malformed'
    default:
      return isText(kind) ? 'unknown' : 'malformed'
  }
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

/** An object's own fields; none of anything else. */
function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT_LENGTH
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function reportEvery(value: unknown): number | undefined {
  return isWhole(value, 1, MAX_WAIT_MS) ? value : undefined
}
