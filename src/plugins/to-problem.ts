import { catalogue, type LatchkeyError } from '../errors.js'

/** RFC 9457 problem details with the extensions `code`, `errors` and `request_id`. */
export interface Problem {
  type: string
  title: string
  status: number
  code: string
  detail?: string
  errors?: readonly { field: string; message: string }[]
  /** On internal errors only: what to quote to the operator, who finds it in the log. */
  request_id?: string
}

/** The body that answers a refusal. The cause stays behind. */
export function toProblem(error: LatchkeyError, requestId?: string): Problem {
  return {
    type: `urn:latchkey:error:${error.code}`,
    title: catalogue[error.code].title,
    status: error.status,
    code: error.code,
    ...(error.detail !== undefined && { detail: error.detail }),
    ...(error.errors !== undefined && { errors: error.errors }),
    ...(error.code === 'internal_error' && requestId !== undefined && { request_id: requestId }),
  }
}
