import { catalogue, type ErrorCode } from './error-catalogue/catalogue.js'

export { catalogue, type ErrorCode }

/** What is wrong with one field of a request. */
export interface FieldError {
  /** As the request names it; the path of a nested value has dots (`roles.0`). */
  readonly field: string
  /** The end of a sentence that begins with the field: "is required". Never contains the value. */
  readonly message: string
}

export interface ErrorDetails {
  /** What is wrong with this request, for people. Never contains a secret. */
  detail?: string
  /** Seconds until a retry makes sense, sent as `Retry-After`. */
  retryAfterSeconds?: number | undefined
  /** The invalid fields, for a form. */
  errors?: readonly FieldError[] | undefined
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

/**
 * An error about one field of a request.
 *
 * @param field as our API names it
 * @param message the end of a sentence that begins with the field
 */
export function fieldError(
  code: ErrorCode,
  field: string,
  message: string,
  details: Omit<ErrorDetails, 'errors'> = {},
): LatchkeyError {
  return new LatchkeyError(code, { ...details, errors: [{ field, message }] })
}

/** Whether a credential was refused. Other errors, such as an unavailable store, say nothing about the credential. */
export function isCredentialRefusal(error: unknown): error is LatchkeyError {
  return error instanceof LatchkeyError && error.status === 401
}
