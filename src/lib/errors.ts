import { catalogue, type ErrorCode } from './error-catalogue/catalogue.js'

export { catalogue, type ErrorCode }

/** What is wrong with one field of a request. */
export interface FieldError {
  /** As the request names it; the path of a nested value has dots (`roles.0`). */
  readonly field: string
  /** The end of a sentence that begins with the field: "is required". Never contains the value. */
  readonly message: string
}

/** Whom an error or a request concerns, for the log. */
export interface Concerns {
  userId?: string | undefined
  sessionId?: string | undefined
  /** The client that makes the request, otherwise the one that opened the session. */
  clientId?: string | undefined
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
  /** For the log. Never sent: it can show that an account exists. */
  concerns?: Concerns
  /** Which check failed, for the log. Never sent: it would help an attacker. */
  reason?: string | undefined
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
  readonly reason: string | undefined
  concerns: Concerns

  /** The status, by the name under which Fastify reads it from an error. */
  get statusCode(): number {
    return this.status
  }

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
    this.reason = details.reason
    this.concerns = details.concerns ?? {}
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

/** Adds to an error whom it concerns, as far as it does not say so itself. Returns the error, to be thrown again. */
export function concerning(error: unknown, concerns: Concerns): unknown {
  if (error instanceof LatchkeyError) error.concerns = { ...concerns, ...error.concerns }
  return error
}

/** Whether a credential was refused. Other errors, such as an unavailable store, say nothing about the credential. */
export function isCredentialRefusal(error: unknown): error is LatchkeyError {
  return error instanceof LatchkeyError && error.status === 401
}
