/**
 * The one catalogue of everything this service refuses: the stable code that clients program against, the HTTP status
 * it maps to, and a sentence for people. Answers are RFC 9457 problem details; the `code` never changes its meaning.
 */
export const catalogue = {
  // The request itself.
  invalid_request: { status: 400, title: 'The request is malformed.' },
  invalid_json: { status: 400, title: 'The body is not valid JSON.' },
  multipart_invalid: { status: 400, title: 'The body is not a valid multipart form.' },
  ambiguous_request: { status: 400, title: 'A header, cookie or field that may appear once appears twice.' },
  ambiguous_credentials: { status: 400, title: 'Send the refresh token as a cookie or in the body, not both.' },
  not_found: { status: 404, title: 'There is nothing at this address.' },
  method_not_allowed: { status: 405, title: 'This address does not answer to that method.' },
  body_too_large: { status: 413, title: 'The body is larger than this address accepts.' },
  unsupported_media_type: { status: 415, title: 'Send the body as application/json.' },
  headers_too_large: { status: 431, title: 'The headers are larger than this service accepts.' },
  request_timeout: { status: 408, title: 'The request took too long to arrive.' },
  cross_site_request: { status: 403, title: 'A page of another site may not make this request.' },
  rate_limited: { status: 429, title: 'Too many requests; wait before you try again.' },

  // Signing in.
  invalid_credentials: { status: 401, title: 'The sign-in name or the password is wrong.' },
  email_taken: { status: 409, title: 'An account with this e-mail exists already.' },
  username_taken: { status: 409, title: 'An account with this username exists already.' },
  external_id_taken: { status: 409, title: 'An account with this external id exists already.' },
  invalid_email: { status: 422, title: 'This is not an e-mail address.' },
  invalid_username: { status: 422, title: 'This is not a username that this account can have.' },
  invalid_role: { status: 422, title: 'This is not a role that an account can have.' },
  password_blank: { status: 422, title: 'The password has no character that can be seen.' },
  password_too_short: { status: 422, title: 'The password is too short.' },
  password_too_long: { status: 422, title: 'The password is too long.' },
  password_is_email: { status: 422, title: 'The password must not be the e-mail address.' },
  password_too_common: { status: 422, title: 'The password is one of the first that anyone would guess.' },
  password_unchanged: { status: 422, title: 'The new password is the old one.' },
  account_mismatch: { status: 400, title: 'The e-mail is not that of the account that the access token is for.' },
  reset_token_invalid: { status: 401, title: 'The reset token is wrong, was used or replaced, or has expired.' },
  registration_closed: { status: 403, title: 'This service does not accept registrations.' },
  password_change_required: { status: 403, title: 'The password must be changed before signing in.' },
  too_many_sessions: { status: 403, title: 'The account has as many sessions as it may have.' },

  // Access tokens.
  authentication_required: { status: 401, title: 'Send an access token.' },
  token_invalid: { status: 401, title: 'The access token is not one this service accepts.' },
  token_expired: { status: 401, title: 'The access token has expired.' },
  token_revoked: { status: 401, title: 'The access token was revoked.' },
  live_token_required: { status: 401, title: 'An expired or superseded token can end its own session only.' },
  token_stale: {
    status: 401,
    title: 'The access token is older than a change of its user or of the keys; refresh it.',
  },
  insufficient_role: { status: 403, title: 'The user lacks the role this needs.' },

  // Refresh tokens and sessions.
  refresh_token_missing: { status: 401, title: 'Send a refresh token.' },
  refresh_token_invalid: { status: 401, title: 'The refresh token was not made by this service.' },
  refresh_token_unknown: { status: 401, title: 'The refresh token is not one of its session.' },
  refresh_token_expired: { status: 401, title: 'The refresh token has expired.' },
  refresh_token_reused: { status: 401, title: 'The refresh token was used before; its session was ended.' },
  refresh_token_superseded: { status: 401, title: 'The refresh token was replaced; go on with the newer one.' },
  session_revoked: { status: 401, title: 'The session was ended.' },
  session_expired: { status: 401, title: 'The session has reached its end.' },
  user_disabled: { status: 401, title: 'The account is disabled.' },
  session_not_found: { status: 404, title: 'You have no such session.' },
  signing_key_not_found: { status: 404, title: 'There is no such signing key, or it is revoked already.' },
  user_not_found: { status: 404, title: 'There is no such user.' },

  // Clients and administration. The first five are the codes of RFC 6749, 5.2.
  invalid_client: { status: 401, title: 'The client is unknown, or its secret is wrong.' },
  invalid_grant: { status: 400, title: 'The refresh token is not one that this client may use now.' },
  invalid_scope: { status: 400, title: 'There is no such scope, or the client does not have it.' },
  unauthorized_client: { status: 400, title: 'The client may not do this.' },
  unsupported_grant_type: { status: 400, title: 'This is not a grant type of this service.' },
  client_required: {
    status: 403,
    title: 'The session belongs to a client; refresh it at /oauth/token with the credentials of the client.',
  },
  insufficient_scope: { status: 403, title: 'This needs the token of a client with another scope.' },
  invalid_client_name: { status: 422, title: 'This is not a name that a client can have.' },
  client_name_taken: { status: 409, title: 'A client with this name exists already.' },
  client_not_found: { status: 404, title: 'There is no such client.' },
  own_account: { status: 409, title: 'Administrators can neither disable nor delete nor demote themselves.' },
  account_disabled: { status: 409, title: 'The account is disabled; enable it first.' },

  // The service.
  busy: { status: 503, title: 'The service is busy; try again in a moment.' },
  store_unavailable: { status: 503, title: 'A store is unavailable; try again in a moment.' },
  revocations_stale: { status: 503, title: 'The revocation list is too old to trust; try again in a moment.' },
  shutting_down: { status: 503, title: 'This instance is shutting down; try again.' },
  internal_error: { status: 500, title: 'Something went wrong on our side.' },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorCode = keyof typeof catalogue

export interface ErrorDetails {
  /** What is wrong with this very request, for people. Never holds a secret. */
  detail?: string
  /** Seconds after which trying again makes sense: becomes `Retry-After`. */
  retryAfterSeconds?: number | undefined
  /** The fields at fault, for a form. */
  errors?: readonly { field: string; message: string }[] | undefined
  /** Of a genuine token that is refused: the dialect it was made in, whose clients look for their own words. */
  dialect?: 'simple-jwt' | undefined
  /** Of a genuine token that is refused: what became of its account, where that is the reason and is known. */
  account?: 'deleted' | 'disabled' | undefined
  /** Of a superseded refresh token: what its bearer shows when they present it again. */
  ticket?: string | undefined
  /** Kept for the log; never sent. */
  cause?: unknown
}

/** A refusal from the catalogue. Everything else that is thrown is a defect and answers `internal_error`. */
export class LatchkeyError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly detail: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly errors: ErrorDetails['errors']
  readonly dialect: ErrorDetails['dialect']
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
    this.dialect = details.dialect
    this.account = details.account
    this.ticket = details.ticket
  }
}

/** Whether a credential is refused, for whatever reason; anything else, such as a store that is away, is not its fault. */
export function isCredentialRefusal(error: unknown): error is LatchkeyError {
  return error instanceof LatchkeyError && error.status === 401
}
