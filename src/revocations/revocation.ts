/**
 * One entry of the blacklist. `before` and `belowVersion` are exclusive bounds: a token with an `iat` of exactly
 * `before`, or a `ver` of exactly `belowVersion`, is still good.
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
  /** … or issued before an instant (whole seconds since the epoch): they are stale, their sessions live on. */
  | { kind: 'user'; subject: string; before: number }
  | { kind: 'key'; subject: string }
  /** Everything issued before an instant (whole seconds since the epoch). */
  | { kind: 'realm'; before: number }
)

export type RevocationKind = Revocation['kind']

/**
 * How long an entry lives: the longest lifetime an access token can ever be given (2 h) and 5 minutes for clocks.
 * It does not follow the configured lifetime, so that lowering that revives nothing.
 */
export const REVOCATION_TTL_SECONDS = 2 * 60 * 60 + 5 * 60
