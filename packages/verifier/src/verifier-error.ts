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
  /** The user must sign in again, because the last sign-in is too long ago (RFC 9470). */
  | 'insufficient_user_authentication'
  /** The list of revocations is too old to decide. */
  | 'revocations_stale'
  /** The public keys of the issuer were never read. */
  | 'keys_unavailable'
  /** The verifier was closed. */
  | 'closed'

const STATUS: Record<VerifierErrorCode, 401 | 403 | 503> = {
  authentication_required: 401,
  token_invalid: 401,
  token_expired: 401,
  token_revoked: 401,
  token_stale: 401,
  insufficient_role: 403,
  insufficient_user_authentication: 401,
  revocations_stale: 503,
  keys_unavailable: 503,
  closed: 503,
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
  /** The HTTP status to answer with. */
  readonly status: 401 | 403 | 503
  readonly retryAfterSeconds?: number
  readonly challenge?: string

  constructor(code: VerifierErrorCode, message: string, options: VerifierErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.status = STATUS[code]
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds
    if (options.challenge !== undefined) this.challenge = options.challenge
  }
}
