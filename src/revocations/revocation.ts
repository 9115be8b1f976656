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
  /** … or with a lower roles_version: they are stale, their sessions live on. */
  | { kind: 'user'; subject: string; belowRolesVersion: number }
  /**
   * Stale are those issued before an instant (whole seconds since the epoch). The version before this one goes by it after
   * a change of roles. Both versions write it and heed it, for as long as they may run side by side.
   */
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

/** The bound of an entry that has one. */
export function boundOf(revocation: Revocation): { name: BoundName; value: number } | undefined {
  if ('before' in revocation) return { name: 'before', value: revocation.before }
  if ('belowVersion' in revocation) return { name: 'version', value: revocation.belowVersion }
  if ('belowRolesVersion' in revocation) return { name: 'roles', value: revocation.belowRolesVersion }
  return undefined
}
