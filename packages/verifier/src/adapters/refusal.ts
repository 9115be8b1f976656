import { TITLES, VerifierError, type VerifierErrorCode } from '../verifier-error.js'

/** The answer to a refused request: problem details (RFC 9457), as Latchkey itself sends them. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What the reader of the answer can do, where the title does not say it. */
const DETAILS: Partial<Record<VerifierErrorCode, string>> = {
  ambiguous_request: 'The header authorization appears more than once.',
  cross_site_request: 'If the page is yours, the service must name its origin in the option origins.',
}

/** Whether an error is a refusal. Anything else is a defect, which the framework answers. */
export function isRefusal(error: unknown): error is VerifierError {
  return error instanceof VerifierError
}

/**
 * The answer for an error.
 *
 * @param requestId by which support finds the request in the log
 */
export function refusalFor(error: VerifierError, requestId?: string): Refusal {
  const { code, status } = error
  const detail = DETAILS[code]
  return {
    status,
    headers: { ...refusalHeaders(error), 'content-type': 'application/problem+json; charset=utf-8' },
    body: JSON.stringify({
      type: `urn:latchkey:error:${code}`,
      // An error's own message is for the log: it can name an address.
      title: TITLES[code],
      status,
      code,
      ...(detail !== undefined && { detail }),
      ...(requestId !== undefined && { request_id: requestId }),
    }),
  }
}

/** The headers that an error has, whatever the body of its answer is. */
export function refusalHeaders({ code, status, challenge, retryAfterSeconds }: VerifierError): Record<string, string> {
  return {
    'cache-control': 'no-store',
    // RFC 9110 requires a challenge for every 401, RFC 6750 a reason if a token was sent.
    ...(status === 401 && {
      'www-authenticate': challenge ?? (code.startsWith('token_') ? 'Bearer error="invalid_token"' : 'Bearer'),
    }),
    ...(status === 503 && { 'retry-after': String(Math.max(1, Math.ceil(retryAfterSeconds ?? 1))) }),
  }
}

/** The answer to a request that failed because of a defect. It does not say which. */
export const INTERNAL_ERROR: Refusal = {
  status: 500,
  headers: { 'cache-control': 'no-store', 'content-type': 'application/problem+json; charset=utf-8' },
  body: JSON.stringify({
    type: 'urn:latchkey:error:internal_error',
    title: 'An internal error occurred.',
    status: 500,
    code: 'internal_error',
  }),
}
