import type { KeyObject } from 'node:crypto'
import type { AnyClaims, Principal } from './core/principal.js'

export type { AnyClaims, Principal }

export interface VerifierOptions {
  /** The `iss` of the tokens: `https://auth.example.com`, or `https://example.com/identity`. */
  issuer: string
  /** The `aud` of the tokens; the issuer by default. */
  audience?: string
  /**
   * The claim that contains the claims of the application: JWT_CLAIMS_NAMESPACE of Latchkey. `ext` by default.
   */
  claimsNamespace?: string
  /**
   * The address at which this service reaches Latchkey, if it is not the issuer: `http://latchkey:3000` between
   * containers. The keys, the client's token and the feed of revocations come from it.
   */
  baseUrl?: string
  /**
   * A client with the scope `revocations`. With it the verifier follows the feed of revocations. Without it, it
   * verifies offline: it refuses a revoked token only once the token has expired.
   */
  client?: VerifierClient
  /** The name of this verifier in lists and receipts: 1 to 64 of `A-Za-z0-9_.:-`. The name of the host by default. */
  name?: string
  /**
   * How long this verifier accepts tokens without news from the feed. After that it refuses every token with 503
   * `revocations_stale`. 5 to 3600; 60 by default.
   */
  maxStalenessSeconds?: number
  /**
   * How far the clocks can differ when `exp` is checked without the feed; with it, the clock of the issuer is used.
   * At most 30; 5 by default.
   */
  clockToleranceSeconds?: number
  /** How many verified tokens are kept in memory; 10,000 by default. */
  cacheSize?: number
  /** Whether Latchkey is told which sessions were active here; true by default. */
  reportActivity?: boolean
  /** Sends the requests to Latchkey; the global `fetch` by default. */
  fetch?: typeof fetch
  /** Where the verifier reports problems. It never reports a secret or a token. */
  log?: VerifierLog
}

/** Who this service is at Latchkey. It proves that by a secret, or without one (RFC 7523), in exactly one way. */
export type VerifierClient = { id: string | undefined } & (
  | { secret: string | undefined }
  /** A file with a token that something else replaces, such as Kubernetes. It is read for each token request. */
  | { assertionFile: string | undefined }
  /** Returns a new assertion for each token request. */
  | { assertion: () => string | Promise<string> }
  /** Signs an assertion for each token request: a PEM, a JWK or a KeyObject of EC, Ed25519 or RSA. */
  | { privateKey: string | KeyObject | Record<string, unknown> | undefined; keyId?: string }
)

export interface VerifierLog {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/** @typeParam Claims the types of the claims of the application, which nothing checks */
export interface Verifier<Claims extends object = AnyClaims> {
  /**
   * Returns the principal of a valid access token.
   *
   * @throws VerifierError if the token is refused, or if nothing can be decided now
   */
  verify(token: string): Promise<Principal<Claims>>
  /**
   * Does the same synchronously for a token whose signature was checked before. Returns undefined for any other token,
   * and if this process did not run for a while: `verify` first reads what arrived meanwhile.
   *
   * @throws VerifierError as `verify`
   */
  verifyKnown(token: string): Principal<Claims> | undefined
  /**
   * Resolves when the keys are loaded and, with a client, the list of revocations is complete.
   *
   * @throws Error if that takes longer than `timeoutMs`, with what is missing
   */
  ready(options?: { timeoutMs?: number }): Promise<void>
  status(): VerifierStatus
  /** Stops following the feed. Every token is refused afterwards, with `closed`. */
  close(): Promise<void>
}

export interface VerifierStatus {
  /** `following` the feed of revocations, or `offline`: without a client. */
  mode: 'offline' | 'following'
  /** `misconfigured`: the option `issuer` is not that of the tokens, so that none can be verified. */
  state: 'starting' | 'fresh' | 'stale' | 'misconfigured' | 'closed'
  /** Whether tokens can be verified now. */
  isFresh: boolean
  /** Whether the feed is connected. */
  connected: boolean
  /** How far this verifier has applied the feed; undefined before the first complete list. */
  position: string | undefined
  /** How many revocations are in memory. */
  revocations: number
  /** How many public keys are in memory. */
  keys: number
  /** The last problem, in a sentence; undefined if there was none since the last success. */
  lastError: string | undefined
  /** The issuer's clock minus the clock of this machine; undefined without the feed. */
  clockOffsetMs: number | undefined
  /** The id of this verifier in lists and receipts; undefined without the feed. */
  verifierId: string | undefined
  /** How old the list of revocations is; undefined before the first complete list. */
  ageMs: number | undefined
  /** How many entries of the feed this version does not know or cannot read. */
  ignoredEntries: number
  /** How many sightings of sessions were not reported, because there were too many. */
  droppedSightings: number
}
