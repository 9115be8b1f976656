import { createHash } from 'node:crypto'
import { boundsOf, type Revocation } from '@latchkey/verifier/core'

export interface KeySettings {
  /** The start of every key; by default `lk1`, in which the 1 is the version of the format. */
  prefix?: string
  /** The sliding lifetime of a refresh token: how long a session may stay unused. */
  refreshTokenTtlSeconds: number
}

export interface Keys {
  /**
   * When a session was last seen (ms since the epoch, and a MAC); kept for {@link Keys.seenTtlMs} after that instant.
   */
  seen(sessionId: string): string
  readonly seenTtlMs: number

  /** The newest generation of a session that was seen, and when, with a MAC; kept as long. */
  newestSeen(sessionId: string): string

  /** The entries of the blacklist for a revocation, each with its value, kept until its `expiresAt`. */
  revoked(revocation: Revocation): BlacklistEntry[]

  /**
   * The stream of committed revocations, each entry a JSON array and a MAC; kept for {@link Keys.newsTtlMs} after the
   * last.
   */
  readonly news: string
  readonly newsTtlMs: number

  /** The position of the journal up to which the blacklist is complete; if it is absent, everything is copied again. */
  readonly watermark: string
  readonly watermarkTtlMs: number

  /**
   * The id of the copy to the blacklist that an instance is making. If Redis loses copied entries, it loses this key
   * too.
   */
  copying(instanceId: string): string
  readonly copyingTtlMs: number

  /** A counter, kept until its window ends. */
  hits(counter: string): string
}

export interface BlacklistEntry {
  key: string
  /** 1 for a revocation without a bound. */
  bound: number
}

const HOUR_MS = 60 * 60 * 1000

/**
 * Names every key of this service in Redis. The format is public, for other readers such as a gateway; if it changes,
 * the prefix changes:
 *
 * | key | value | until |
 * | --- | --- | --- |
 * | `lk1:{<sid>}:active` | `<ms since the epoch>.<mac>` | that instant + the refresh token lifetime |
 * | `lk1:{<sid>}:active:newest` | `<generation>:<ms since the epoch>.<mac>` | that instant + the refresh token lifetime |
 * | `lk1:revoked:session:<sid>` | 1 | no token of the session can be valid |
 * | `lk1:revoked:token:<jti>` | 1 | the token cannot be valid |
 * | `lk1:revoked:user:{<id>}:version` | tokens with a lower `ver` are refused | they cannot be valid |
 * | `lk1:revoked:user:{<id>}:roles` | tokens with a lower `roles_version` are stale | they cannot be valid |
 * | `lk1:revoked:user:{<id>}:before` | tokens with a lower `iat` (s) are stale | they cannot be valid |
 * | `lk1:revoked:realm` | tokens with a lower `auth_time` (s), or without one a lower `iat`, are refused | they cannot be valid |
 * | `lk1:revoked:key:<kid>` | 1 | for ever |
 * | `lk1:revoked:news` | stream: `revocations` is a JSON array of them, `mac` its MAC | an hour after the last |
 * | `lk1:revoked:watermark` | `<server start>:<xid>` up to which all of the above is complete | an hour after it was last checked |
 * | `lk1:{lk1:revoked:watermark}:copying:<instance>` | the id of a copy to the blacklist | it is done, an hour at most |
 * | `lk1:hits:<digest of the counter's name>` | how often | the window's end |
 *
 * A MAC is HMAC-SHA-256 in base64url, over the name of the key, a NUL byte and the value, with a key that only this
 * service has. Instances ignore values here that have no valid MAC. An older version expects a plain number under
 * `{<sid>}:seen`, so no other format must be written there.
 *
 * Keys that one command uses together have the same part in braces, which puts them into one slot of a Redis Cluster.
 */
export function createKeys(settings: KeySettings): Keys {
  const prefix = settings.prefix ?? 'lk1'
  return {
    seen: sessionId => `${prefix}:{${sessionId}}:active`,
    seenTtlMs: settings.refreshTokenTtlSeconds * 1000,
    newestSeen: sessionId => `${prefix}:{${sessionId}}:active:newest`,
    revoked: revocation => revoked(revocation).map(({ key, bound }) => ({ key: `${prefix}:revoked:${key}`, bound })),
    news: `${prefix}:revoked:news`,
    newsTtlMs: HOUR_MS,
    watermark: `${prefix}:revoked:watermark`,
    watermarkTtlMs: HOUR_MS,
    copying: instanceId => `${prefix}:{${prefix}:revoked:watermark}:copying:${instanceId}`,
    copyingTtlMs: HOUR_MS,
    hits: counter => `${prefix}:hits:${counterDigest(counter)}`,
  }
}

/** The name of a counter in the stores: 128 bits, so that it is short and no e-mail or IP address can be read. */
export function counterDigest(counter: string): string {
  return createHash('sha256').update(counter).digest().subarray(0, 16).toString('base64url')
}

/** A user has an entry for each bound, because raising one must not lose the other. */
function revoked(revocation: Revocation): BlacklistEntry[] {
  switch (revocation.kind) {
    case 'realm':
      return [{ key: 'realm', bound: revocation.before }]
    case 'user':
      return boundsOf(revocation).map(({ name, value }) => ({
        key: `user:{${revocation.subject}}:${name}`,
        bound: value,
      }))
    default:
      return [{ key: `${revocation.kind}:${revocation.subject}`, bound: 1 }]
  }
}
