/**
 * Every error of this service: the stable code for programs, the HTTP status, and a sentence for people. The responses
 * are problem details (RFC 9457). A code never changes its meaning.
 */
export const catalogue = {
  // The request itself.
  invalid_request: { status: 400, title: 'The request is invalid.' },
  invalid_json: { status: 400, title: 'The body is not valid JSON.' },
  multipart_invalid: { status: 400, title: 'The body is not a valid multipart form.' },
  ambiguous_request: { status: 400, title: 'A header, cookie or field appears more than once.' },
  ambiguous_credentials: { status: 400, title: 'Send the refresh token as a cookie or in the body, not both.' },
  not_found: { status: 404, title: 'Not found.' },
  method_not_allowed: { status: 405, title: 'This method is not allowed here.' },
  body_too_large: { status: 413, title: 'The request body is too large.' },
  unsupported_media_type: { status: 415, title: 'Send the body as application/json.' },
  headers_too_large: { status: 431, title: 'The request headers are too large.' },
  request_timeout: { status: 408, title: 'The request took too long to arrive.' },
  cross_site_request: { status: 403, title: 'Requests from other sites are not allowed.' },
  rate_limited: { status: 429, title: 'Too many requests; wait before you try again.' },

  // Signing in.
  invalid_credentials: { status: 401, title: 'The sign-in name or the password is wrong.' },
  email_taken: { status: 409, title: 'An account with this e-mail already exists.' },
  username_taken: { status: 409, title: 'An account with this username already exists.' },
  external_id_taken: { status: 409, title: 'An account with this external id already exists.' },
  invalid_email: { status: 422, title: 'The e-mail address is not valid.' },
  invalid_username: { status: 422, title: 'The username is not valid.' },
  invalid_role: { status: 422, title: 'The role is not valid.' },
  password_blank: { status: 422, title: 'The password has no visible character.' },
  password_too_short: { status: 422, title: 'The password is too short.' },
  password_too_long: { status: 422, title: 'The password is too long.' },
  password_is_email: { status: 422, title: 'The password must not be the e-mail address.' },
  password_too_common: { status: 422, title: 'The password is too common.' },
  password_unchanged: { status: 422, title: 'The new password must be different from the old one.' },
  account_mismatch: { status: 400, title: 'The e-mail is not the e-mail of the signed-in account.' },
  reset_token_invalid: { status: 401, title: 'The reset token is invalid, already used, replaced or expired.' },
  registration_closed: { status: 403, title: 'Registration is closed.' },
  password_change_required: { status: 403, title: 'The password must be changed before signing in.' },
  too_many_sessions: { status: 403, title: 'Session limit reached.' },

  // Access tokens.
  authentication_required: { status: 401, title: 'An access token is required.' },
  token_invalid: { status: 401, title: 'The access token is invalid.' },
  token_expired: { status: 401, title: 'The access token has expired.' },
  token_revoked: { status: 401, title: 'The access token was revoked.' },
  live_token_required: { status: 401, title: 'An expired or replaced token can only end its own session.' },
  token_stale: {
    status: 401,
    title: 'The access token is out of date; refresh it.',
  },
  insufficient_role: { status: 403, title: 'The user does not have the required role.' },

  // Refresh tokens and sessions.
  refresh_token_missing: { status: 401, title: 'A refresh token is required.' },
  refresh_token_invalid: { status: 401, title: 'The refresh token is invalid.' },
  refresh_token_unknown: { status: 401, title: 'The refresh token does not match the stored session.' },
  refresh_token_expired: { status: 401, title: 'The refresh token has expired.' },
  refresh_token_reused: { status: 401, title: 'The refresh token was already used; its session was ended.' },
  refresh_token_superseded: { status: 401, title: 'The refresh token was replaced; use the newer one.' },
  session_revoked: { status: 401, title: 'The session was ended.' },
  session_expired: { status: 401, title: 'The session has expired.' },
  user_disabled: { status: 401, title: 'The account is disabled.' },
  session_not_found: { status: 404, title: 'Session not found.' },
  signing_key_not_found: { status: 404, title: 'Signing key not found, or already revoked.' },
  user_not_found: { status: 404, title: 'User not found.' },

  // Clients and administration. The first five are the codes of RFC 6749, 5.2.
  invalid_client: { status: 401, title: 'The client id or the client secret is wrong.' },
  invalid_grant: { status: 400, title: 'The refresh token is invalid for this client.' },
  invalid_scope: { status: 400, title: 'The scope does not exist, or the client does not have it.' },
  unauthorized_client: { status: 400, title: 'The client is not allowed to do this.' },
  unsupported_grant_type: { status: 400, title: 'This grant type is not supported.' },
  client_required: {
    status: 403,
    title: 'The session belongs to a client; refresh it at /oauth/token with the credentials of the client.',
  },
  insufficient_scope: { status: 403, title: 'The client does not have the required scope.' },
  invalid_client_name: { status: 422, title: 'The client name is not valid.' },
  client_name_taken: { status: 409, title: 'A client with this name already exists.' },
  client_not_found: { status: 404, title: 'Client not found.' },
  own_account: { status: 409, title: 'Administrators cannot disable, delete or demote themselves.' },
  account_disabled: { status: 409, title: 'The account is disabled; enable it first.' },

  // The service.
  busy: { status: 503, title: 'The service is busy; try again in a moment.' },
  store_unavailable: { status: 503, title: 'A store is unavailable; try again in a moment.' },
  revocations_stale: { status: 503, title: 'The revocation list is too old to trust; try again in a moment.' },
  shutting_down: { status: 503, title: 'This instance is shutting down; try again.' },
  internal_error: { status: 500, title: 'An internal error occurred.' },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorCode = keyof typeof catalogue

export interface ErrorDetails {
  /** What is wrong with this request, for people. Never contains a secret. */
  detail?: string
  /** Seconds until a retry makes sense, sent as `Retry-After`. */
  retryAfterSeconds?: number | undefined
  /** The invalid fields, for a form. */
  errors?: readonly { field: string; message: string }[] | undefined
  /** The claim `token_type` of a valid access token that is rejected. Only tokens of the Simple JWT API have it. */
  tokenType?: 'access' | undefined
  /** Set when a valid token is refused because its account was deleted or disabled. */
  account?: 'deleted' | 'disabled' | undefined
  /** Set when a superseded refresh token is refused: the client sends it when it presents the token again. */
  ticket?: string | undefined
  /** For the log. Never sent. */
  cause?: unknown
}

/** An error of the catalogue. Any other thrown error is a defect, and is answered with `internal_error`. */
export class LatchkeyError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly detail: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly errors: ErrorDetails['errors']
  readonly tokenType: ErrorDetails['tokenType']
  readonly account: ErrorDetails['account']
  readonly ticket: ErrorDetails['ticket']

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(catalogue[code].title, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'LatchkeyError'
    this.code = code
    this.status = catalogue[code].status
    this.detail = details.detail
    this.retryAfterSeconds = details.retryAfterSeconds
    this.errors = details.errors
    this.tokenType = details.tokenType
    this.account = details.account
    this.ticket = details.ticket
  }
}

/** Whether a credential was refused. Other errors, such as an unavailable store, say nothing about the credential. */
export function isCredentialRefusal(error: unknown): error is LatchkeyError {
  return error instanceof LatchkeyError && error.status === 401
}
