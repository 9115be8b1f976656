import { catalogue, type LatchkeyError } from '../../lib/errors.js'
import { accessTokenMessages } from './access-token-messages.js'

/** RFC 9457 problem details with the extensions `code`, `errors`, `messages`, `ticket` and `request_id`. */
export interface Problem {
  type: string
  title: string
  status: number
  code: string
  detail?: string
  errors?: readonly { field: string; message: string }[]
  /** When an access token of the Simple JWT dialect is refused: what clients of Simple JWT look for. */
  messages?: ReturnType<typeof accessTokenMessages>
  /** When a refresh token in a body is superseded: to be sent with it if it is presented again. */
  ticket?: string
  /** On internal errors only: what to quote to the operator, who finds it in the log. */
  request_id?: string
}

/** The body that answers a refusal. The cause stays behind. */
export function toProblem(error: LatchkeyError, requestId?: string): Problem {
  const messages = accessTokenMessages(error)
  return {
    type: `urn:latchkey:error:${error.code}`,
    title: catalogue[error.code].title,
    status: error.status,
    code: error.code,
    ...(error.detail !== undefined && { detail: error.detail }),
    ...(error.errors !== undefined && { errors: error.errors }),
    ...(error.ticket !== undefined && { ticket: error.ticket }),
    ...(messages !== undefined && { messages }),
    ...(error.code === 'internal_error' && requestId !== undefined && { request_id: requestId }),
  }
}
