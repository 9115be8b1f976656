import type { Config } from '../config/config.js'
import type { IssuerKeys } from '../issuers/issuer-keys.js'
import type { Background } from '../lib/background.js'
import type { Log } from '../lib/log.js'
import type { Poster } from '../lib/post.js'
import type { Database, Repositories } from '../postgres/database.js'
import type { NewSecurityEvent } from '../postgres/security-events.js'
import type { Activity } from '../redis/activity.js'
import type { LoginLimiter } from '../redis/counters.js'
import type { LetterLimiter } from '../redis/letter-limiter.js'
import type { Feed } from '../revocations/feed/feed.js'
import type { Confirmations } from '../revocations/receipts/confirmations.js'
import type { Receipts } from '../revocations/receipts/receipts.js'
import type { Revocations } from '../revocations/revocations.js'
import type { RegistrationHook } from './accounts/registration-hook.js'
import type { ClientPrincipal } from './clients/client-principal.js'
import type { ReportedSightings } from './clients/reported-sightings.js'
import type { Dispatcher } from './deliveries/dispatcher.js'
import type { EventListeners } from './events/event-listeners.js'
import type { Keyring } from './keys/keyring.js'
import type { Secrets } from './keys/secrets.js'
import type { LetterWork } from './letters/letter-work.js'
import type { FailureDelay } from './login/failure-delay.js'
import type { PasswordHasher } from './passwords/password-hasher.js'
import type { PollWaiters } from './signals/poll-waiters.js'
import type { AccessTokenVerifier } from './tokens/verify-access-token.js'

/** Everything that the functions of the domain work with. Each function names the parts that it needs. */
export interface AuthContext {
  readonly config: Config
  readonly db: Database
  readonly activity: Activity
  readonly revocations: Revocations
  /** The revocations for other services that follow them. */
  readonly feed: Feed<ClientPrincipal>
  /** Records which sessions were used at other services. */
  readonly reportedSightings: ReportedSightings
  /** Records what other services have applied of the feed. */
  readonly confirmations: Confirmations
  /** Whether every live verifier has applied what was committed. */
  readonly receipts: Receipts
  readonly secrets: Secrets
  readonly keyring: Keyring
  /** The keys that verify the assertions of clients. */
  readonly issuerKeys: Pick<IssuerKeys, 'find'>
  /** Verifies the access tokens of users. */
  readonly accessTokens: AccessTokenVerifier
  readonly passwords: PasswordHasher
  readonly loginLimiter: LoginLimiter
  readonly letterLimiter: LetterLimiter
  /** Writes letters after the answer to the request that asks for them. */
  readonly letterWork: LetterWork
  readonly failureDelay: FailureDelay
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly log: Log
  /** The location of an address; always undefined without LOCATION_DATABASE. */
  readonly locate: Locate
  /**
   * Writes an event in the background, where a response must not wait for it or show by its time that it was written.
   */
  recordEvent(event: NewSecurityEvent): void
  /** Hears of every security event that this process wrote, after its commit. */
  readonly eventListeners: EventListeners
  /** Sends requests to the servers of others: to webhooks and streams. */
  readonly poster: Poster
  /** Decides about registrations; undefined without REGISTRATION_HOOK_URL. */
  readonly registrationHook: RegistrationHook | undefined
  /** Sends events to their receivers; undefined in a process that does not. */
  readonly dispatcher: Dispatcher | undefined
  /** Requests that wait for events of polled streams. */
  readonly polls: PollWaiters
  /** For events that one old token can cause many times. */
  readonly eventThrottle: EventThrottle
  /** Work that no response waits for. */
  readonly background: Background
}

/** The location of an address, as precisely as the database knows it. */
export interface Location {
  /** ISO 3166-1 alpha-2, so that a page can show the name in its own language. */
  country: string
  /** In English. */
  city?: string
}

/** Looks up an address. Undefined if its location is unknown. */
export type Locate = (ip: string | undefined) => Location | undefined

/** Limits how often the same event is recorded. */
export interface EventThrottle {
  /** Whether an event with this key can be recorded now: it is the first one in ten minutes. */
  allows(key: string): boolean
}

export type { Repositories }

/** The origin of a request, for events and the list of sessions. */
export interface Caller {
  /** The IP address; undefined for the command line. */
  ip?: string | undefined
  userAgent?: string | undefined
  /** Undefined outside of requests. */
  requestId?: string | undefined
  /** The language of letters: `en`, `fr` or `es`. Undefined outside of requests. */
  language?: string | undefined
}
