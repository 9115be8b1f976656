/**
 * One entry of the blacklist. Bounds are exclusive: a token with a `ver` of exactly `belowVersion`, or of a session
 * that began exactly at `before`, is still valid.
 */
export type Revocation = {
  /** A value of `revoke_reason`; for people and events. */
  reason: string
  /**
   * When every token that this refuses has expired (milliseconds since the epoch); null if the entry is kept for ever.
   */
  expiresAt: number | null
} & (
  | { kind: 'session'; subject: string }
  | { kind: 'token'; subject: string }
  /** All access tokens of a user with a lower token_version … */
  | { kind: 'user'; subject: string; belowVersion: number }
  /**
   * … or with a lower roles_version: these are stale, and their sessions continue. `before` (whole seconds since the
   * epoch) is the nearest instant, for the previous version of the service: its tokens have no roles_version, and its
   * instances compare only `before`.
   */
  | { kind: 'user'; subject: string; belowRolesVersion: number; before: number }
  /** What the previous version of the service writes after a change of roles. */
  | { kind: 'user'; subject: string; before: number }
  | { kind: 'key'; subject: string }
  /** Every session that began before an instant (whole seconds since the epoch). */
  | { kind: 'realm'; before: number }
)

export type RevocationKind = Revocation['kind']

/**
 * How long an entry is kept: the longest lifetime that can be configured for an access token (2 h), and 5 minutes for
 * clocks that differ. It does not depend on the configured lifetime, so that a shorter one makes no revoked token
 * valid.
 */
export const REVOCATION_TTL_SECONDS = 2 * 60 * 60 + 5 * 60

/** Which value of a token a bound is compared with. */
export type BoundName = 'version' | 'roles' | 'before'

/** The bounds of an entry; none if it refuses everything that it names. */
export function boundsOf(revocation: Revocation): { name: BoundName; value: number }[] {
  const bounds: { name: BoundName; value: number }[] = []
  if ('belowVersion' in revocation) bounds.push({ name: 'version', value: revocation.belowVersion })
  if ('belowRolesVersion' in revocation) bounds.push({ name: 'roles', value: revocation.belowRolesVersion })
  if ('before' in revocation) bounds.push({ name: 'before', value: revocation.before })
  return bounds
}

/**
 * Why a value cannot be used as a revocation: `unknown` if only a later version has this kind, `past` if every token
 * that it refuses has expired, `malformed` if no version of this service makes such a value.
 */
export type NotRead = 'malformed' | 'unknown' | 'past'

/** A revocation without its reason and its expiry. */
type Subject = Revocation extends infer Kind
  ? Kind extends Revocation
    ? Omit<Kind, 'reason' | 'expiresAt'>
    : never
  : never

type Fields = Readonly<Record<string, unknown>>

/** How far an instant can be ahead of our clock. */
const CLOCK_TOLERANCE_SECONDS = 60
/** The expiry is set by the database's clock, which can be ahead of ours. */
const END_TOLERANCE_SECONDS = 5 * 60
const MAX_LENGTH = 200
/** The largest value of a version's column. */
const MAX_VERSION = 0x7fff_ffff

/**
 * Reads an entry that another instance sent through Redis, or that came from the feed. The result contains only fields
 * that are checked here.
 *
 * @param value any JSON value
 * @param nowMs milliseconds since the epoch
 */
export function readRevocation(value: unknown, nowMs: number): Revocation | NotRead {
  if (typeof value !== 'object' || value === null) return 'malformed'
  const entry = value as Fields
  const subject = readSubject(entry, nowMs)
  if (typeof subject === 'string') return subject
  const { reason, expiresAt } = entry
  if (!isText(reason)) return 'malformed'
  // Only the entry of a key is kept for ever.
  if (expiresAt === null) return subject.kind === 'key' ? { ...subject, reason, expiresAt } : 'malformed'
  if (!isWhole(expiresAt, nowMs + (REVOCATION_TTL_SECONDS + END_TOLERANCE_SECONDS) * 1000)) return 'malformed'
  return expiresAt > nowMs ? { ...subject, reason, expiresAt } : 'past'
}

/** What is refused, and its bound. A new kind or a new bound needs a case here. */
function readSubject(entry: Fields, nowMs: number): Subject | NotRead {
  const { kind, subject, belowVersion, belowRolesVersion, before } = entry
  const isInstant = (value: unknown): value is number => isWhole(value, nowMs / 1000 + CLOCK_TOLERANCE_SECONDS)
  switch (kind) {
    case 'session':
    case 'token':
    case 'key':
      return isText(subject) ? { kind, subject } : 'malformed'
    case 'user':
      if (!isText(subject)) return 'malformed'
      if (belowVersion !== undefined)
        return isWhole(belowVersion, MAX_VERSION) ? { kind, subject, belowVersion } : 'malformed'
      if (belowRolesVersion !== undefined)
        return isWhole(belowRolesVersion, MAX_VERSION) && isInstant(before)
          ? { kind, subject, belowRolesVersion, before }
          : 'malformed'
      if (before !== undefined) return isInstant(before) ? { kind, subject, before } : 'malformed'
      return 'unknown'
    case 'realm':
      return isInstant(before) ? { kind, before } : 'malformed'
    default:
      return isText(kind) ? 'unknown' : 'malformed'
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_LENGTH
}

function isWhole(value: unknown, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most
}
