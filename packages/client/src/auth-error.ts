/** What is wrong with one field of a form. */
export interface FieldError {
  field: string
  message: string
}

/** The members of an answer with an error (RFC 9457) that this package reads. */
export interface Problem {
  title?: string
  code?: string
  detail?: string
  errors?: FieldError[]
  ticket?: string
}

/** Latchkey refused a request, or something between it and the page answered in its place. */
export class AuthError extends Error {
  override name = 'AuthError'
  /** The stable code of Latchkey; `unexpected_answer` if the answer is not one of Latchkey. */
  readonly code: string
  /** What is wrong with each field, for a form. */
  readonly errors: readonly FieldError[]

  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** The answer as it was sent. */
    readonly problem: Problem = {},
    /** How long to wait, from `Retry-After`. */
    readonly retryAfterSeconds = 0,
  ) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`)
    this.code = problem.code ?? 'unexpected_answer'
    this.errors = problem.errors ?? []
  }
}
