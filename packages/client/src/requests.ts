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
    /** The answer as it was sent; empty if it is not one of Latchkey. */
    readonly problem: Problem = {},
    /** How long to wait, from `Retry-After`. */
    readonly retryAfterSeconds = 0,
  ) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`)
    this.code = problem.code ?? 'unexpected_answer'
    this.errors = problem.errors ?? []
  }
}

/** Whether Latchkey said that nobody is signed in. What is between it and the page does not know that. */
export function saysSignedOut(error: unknown): boolean {
  const { status, problem } = error as Partial<AuthError>
  return status === 401 && !!problem?.code
}

/** After this a request is given up: its answer is no longer of use. */
export const TIMEOUT_MS = 15_000

/** A request with a JSON body. */
export function jsonRequest(method: string, body?: object, token?: string) {
  const headers: Record<string, string> = {}
  if (body) headers['content-type'] = 'application/json'
  if (token) headers.authorization = `Bearer ${token}`
  return { method, headers, body: body ? JSON.stringify(body) : null }
}

/**
 * The body of an answer, or its error.
 *
 * @throws AuthError if the answer is an error, or is not an answer of Latchkey
 */
export async function jsonOf<T>(response: Response): Promise<T> {
  const text = await response.text()
  const { ok, status, headers } = response
  let body: T | undefined
  try {
    if (text) body = JSON.parse(text)
  } catch {
    throw new AuthError(ok ? 502 : status)
  }
  if (ok) return body as T
  // A gateway may answer with a `code` too.
  const isProblem = headers.get('content-type')?.includes('problem')
  throw new AuthError(status, (isProblem && (body as Problem)) || {}, Number(headers.get('retry-after')) || 0)
}
