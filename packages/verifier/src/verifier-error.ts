/** Why a request is refused. The codes have the same meaning as in the answers of Latchkey. */
export type VerifierErrorCode =
  /** The request has no access token. */
  | 'authentication_required'
  /** The token is not an access token of this issuer for this audience. */
  | 'token_invalid'
  | 'token_expired'
  /** The session has ended, or the token was revoked. The user must sign in again. */
  | 'token_revoked'
  /** The token says something that is no longer true. A refresh returns a current one. */
  | 'token_stale'
  /** The user does not have a role that is required. */
  | 'insufficient_role'
  /** Two values would be possible, and programs disagree about which one counts. */
  | 'ambiguous_request'
  /** A page whose origin is not allowed sent the request with the user's cookies. */
  | 'cross_site_request'
  /** The user must sign in again, because the last sign-in is too long ago (RFC 9470). */
  | 'insufficient_user_authentication'
  /** The list of revocations is too old to decide. */
  | 'revocations_stale'
  /** The public keys of the issuer cannot be read, so that nobody knows whether the token is genuine. */
  | 'keys_unavailable'
  /** The access cookie cannot be renewed, because Latchkey could not be asked. Nobody is signed out by that. */
  | 'refresh_unavailable'
  /** The verifier was closed. */
  | 'closed'

const STATUS: Record<VerifierErrorCode, 400 | 401 | 403 | 503> = {
  authentication_required: 401,
  token_invalid: 401,
  token_expired: 401,
  token_revoked: 401,
  token_stale: 401,
  insufficient_role: 403,
  ambiguous_request: 400,
  cross_site_request: 403,
  insufficient_user_authentication: 401,
  revocations_stale: 503,
  keys_unavailable: 503,
  refresh_unavailable: 503,
  closed: 503,
}

/** What a client is told: the texts of Latchkey itself for the same codes. */
export const TITLES: Record<VerifierErrorCode, string> = {
  authentication_required: 'An access token is required.',
  token_invalid: 'The access token is invalid.',
  token_expired: 'The access token has expired.',
  token_revoked: 'The access token was revoked.',
  token_stale: 'The access token is out of date; refresh it.',
  insufficient_role: 'The user does not have the required role.',
  insufficient_user_authentication: 'A more recent sign-in is required.',
  ambiguous_request: 'A header, cookie or field appears more than once.',
  cross_site_request: 'Requests from other sites are not allowed.',
  revocations_stale: 'The revocation list is too old to trust; try again in a moment.',
  refresh_unavailable: 'The session cannot be refreshed now; try again in a moment.',
  keys_unavailable: 'The keys that verify tokens are unavailable; try again in a moment.',
  closed: 'The service is stopping; try again in a moment.',
}

export interface VerifierErrorOptions {
  cause?: unknown
  /** For the header Retry-After. */
  retryAfterSeconds?: number
  /** The value of the header WWW-Authenticate. */
  challenge?: string
}

/** A token or a request that is refused, or that cannot be decided now. Its message contains no part of the token. */
export class VerifierError extends Error {
  override readonly name = 'VerifierError'
  readonly code: VerifierErrorCode
  /** The HTTP status to answer with: 503 signs nobody out. */
  readonly status: 400 | 401 | 403 | 503
  readonly retryAfterSeconds?: number
  readonly challenge?: string

  /** @param message for the log; by default what clients are told */
  constructor(code: VerifierErrorCode, message: string = TITLES[code], options: VerifierErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.status = STATUS[code]
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds
    else if (this.status === 503) this.retryAfterSeconds = 1
    if (options.challenge !== undefined) this.challenge = options.challenge
  }
}
