import type { Config } from '../config/config.js'
import type { Background } from '../lib/background.js'
import type { Locate } from '../lib/geoip.js'
import type { Log } from '../lib/log.js'
import type { Database, Repositories, RevokingRepositories } from '../postgres/database.js'
import type { NewSecurityEvent } from '../postgres/security-events.js'
import type { Activity } from '../redis/activity.js'
import type { LoginLimiter } from '../redis/login-limiter.js'
import type { Revocation } from '../revocations/revocation.js'
import type { Revocations } from '../revocations/revocations.js'
import type { Keyring } from './keys/keyring.js'
import type { Secrets } from './keys/secrets.js'
import type { FailureSchedule } from './login/constant-time-failures.js'
import type { PasswordHasher } from './passwords/password-hasher.js'
import type { AccessTokenVerifier } from './tokens/verify-access-token.js'

/** Everything that the verbs of this room work with; each names the parts it needs. */
export interface AuthContext {
  readonly config: Config
  readonly db: Database
  readonly activity: Activity
  readonly revocations: Revocations
  readonly secrets: Secrets
  readonly keyring: Keyring
  /** Verifies the access tokens of users. */
  readonly accessTokens: AccessTokenVerifier
  readonly passwords: PasswordHasher
  readonly loginLimiter: LoginLimiter
  readonly failureSchedule: FailureSchedule
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly log: Log
  /** Where an address is; always undefined without LOCATION_DATABASE. */
  readonly locate: Locate
  /** Writes an event in the background: for those that nobody should wait for, or could measure the wait of. */
  recordEvent(event: NewSecurityEvent): void
  /** For events that the same old token can cause again and again. */
  readonly eventThrottle: EventThrottle
  /** What no answer waits for. */
  readonly background: Background
}

/** Limits how often the same event is recorded. */
export interface EventThrottle {
  /** Whether an event of this key may be recorded now: the first in ten minutes. */
  allows(key: string): boolean
}

export type { Repositories }

/** Where a request comes from, for events and the list of sessions. */
export interface Caller {
  /** The address; undefined for the command line. */
  ip?: string | undefined
  userAgent?: string | undefined
}

/**
 * Runs the work in one transaction, and once it has committed announces every revocation that the work wrote to the
 * journal: here at once, and to the other instances. It is the only way to revoke anything, as no other transaction can
 * write to the journal, so that nobody can forget the announcement.
 */
export async function commitAndAnnounce<Result>(
  { db, revocations }: Pick<AuthContext, 'db' | 'revocations'>,
  work: (repositories: RevokingRepositories) => Promise<Result>,
): Promise<Result> {
  const written: Revocation[] = []
  const result = await db.transaction(given => {
    const repositories = withJournalWrites(given)
    const journal: RevokingRepositories['journal'] = {
      ...repositories.journal,
      async append(entries) {
        const appended = await repositories.journal.append(entries)
        written.push(...appended)
        return appended
      },
    }
    return work({ ...repositories, journal })
  })
  revocations.announce(written)
  return result
}

/** The same repositories, with the right to write to the journal. Whoever asks for it announces what they wrote. */
export function withJournalWrites(given: Repositories): RevokingRepositories {
  return given as RevokingRepositories
}
