/**
 * One entry of the blacklist. Bounds are exclusive: a token with a `ver` of exactly `belowVersion`, or of a session that
 * began exactly at `before`, is still good.
 */
export type Revocation = {
  /** Why, in one of the words of `revoke_reason`; for people and events. */
  reason: string
  /** When no token that this refuses can be alive any more (ms since the epoch); null is never. */
  expiresAt: number | null
} & (
  | { kind: 'session'; subject: string }
  | { kind: 'token'; subject: string }
  /** All access tokens of a user with a lower token_version … */
  | { kind: 'user'; subject: string; belowVersion: number }
  /**
   * … or with a lower roles_version: they are stale, their sessions live on. `before` (whole seconds since the epoch) says
   * the same as well as an instant can. The version before this one knows nothing else: its tokens have no roles_version,
   * and its instances look at `before` alone.
   */
  | { kind: 'user'; subject: string; belowRolesVersion: number; before: number }
  /** What the version before this one writes after a change of roles. */
  | { kind: 'user'; subject: string; before: number }
  | { kind: 'key'; subject: string }
  /** Every session that began before an instant (whole seconds since the epoch). */
  | { kind: 'realm'; before: number }
)

export type RevocationKind = Revocation['kind']

/**
 * How long an entry lives: the longest lifetime an access token can ever be given (2 h) and 5 minutes for clocks.
 * It does not follow the configured lifetime, so that lowering that revives nothing.
 */
export const REVOCATION_TTL_SECONDS = 2 * 60 * 60 + 5 * 60

/** What of a token a bound is compared with. */
export type BoundName = 'version' | 'roles' | 'before'

/** The bounds of an entry; none where it refuses what it names as a whole. */
export function boundsOf(revocation: Revocation): { name: BoundName; value: number }[] {
  const bounds: { name: BoundName; value: number }[] = []
  if ('belowVersion' in revocation) bounds.push({ name: 'version', value: revocation.belowVersion })
  if ('belowRolesVersion' in revocation) bounds.push({ name: 'roles', value: revocation.belowRolesVersion })
  if ('before' in revocation) bounds.push({ name: 'before', value: revocation.before })
  return bounds
}
