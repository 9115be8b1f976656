import { type ErrorCode, LatchkeyError } from '../../lib/errors.js'
import { isPostgresUnavailable } from '../../postgres/errors.js'
import { isRedisUnavailable } from '../../redis/errors.js'

/** Translates everything that can be thrown into an error of the catalogue. Unexpected errors become `internal_error`. */
export function toLatchkeyError(error: unknown): LatchkeyError {
  if (error instanceof LatchkeyError) return error
  if (!(error instanceof Error)) return new LatchkeyError('internal_error', { cause: error })

  const { code = '', statusCode = 500, validation } = error as ThrownByFastify
  if (validation !== undefined) {
    return new LatchkeyError('invalid_request', { errors: validation.map(toFieldError), cause: error })
  }
  const known = FASTIFY_CODES[code]
  if (known !== undefined) return new LatchkeyError(known, { cause: error })
  // fast-jwt and @fastify/jwt have many codes for an invalid token, some of them with a 5xx status.
  if (/^FA?ST_JWT_/.test(code)) return new LatchkeyError('token_invalid', { cause: error })
  // Before the check of the stores: a client that disconnects during its body is an ECONNRESET too, with Fastify's 400.
  if (statusCode >= 400 && statusCode < 500) {
    return new LatchkeyError(STATUS_CODES[statusCode] ?? 'invalid_request', { cause: error })
  }
  if (isStoreUnavailable(error)) {
    return new LatchkeyError('store_unavailable', { retryAfterSeconds: STORE_RETRY_AFTER_SECONDS, cause: error })
  }
  return new LatchkeyError('internal_error', { cause: error })
}

interface ThrownByFastify {
  code?: string
  statusCode?: number
  validation?: readonly AjvError[]
}

interface AjvError {
  instancePath: string
  message?: string
  params: Record<string, unknown>
}

const STORE_RETRY_AFTER_SECONDS = 2

const FASTIFY_CODES: Partial<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  // No existing route has a parameter that long.
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
  FST_JWT_NO_AUTHORIZATION_IN_HEADER: 'authentication_required',
  FST_JWT_AUTHORIZATION_TOKEN_EXPIRED: 'token_expired',
  FAST_JWT_EXPIRED: 'token_expired',
}

const STATUS_CODES: Partial<Record<number, ErrorCode>> = {
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  431: 'headers_too_large',
}

const FIELD_NAME_MAX_LENGTH = 64

/** Contains the field and the rule, never the value. */
function toFieldError({ instancePath, message, params }: AjvError): { field: string; message: string } {
  const path = instancePath.split('/').slice(1)
  const { additionalProperty, missingProperty } = params
  if (typeof additionalProperty === 'string') {
    // The client chose the name: keep only enough of it to find the mistake.
    const field = [...path, additionalProperty].join('.').slice(0, FIELD_NAME_MAX_LENGTH)
    return { field, message: 'is not a field of this request' }
  }
  if (typeof missingProperty === 'string') {
    return { field: [...path, missingProperty].join('.'), message: 'is required' }
  }
  return { field: path.join('.').slice(0, FIELD_NAME_MAX_LENGTH), message: message ?? 'is not valid' }
}

/**
 * Whether an error means that Postgres or Redis cannot be reached or written to now, so that a retry makes sense. Checks
 * `cause` and the parts of an AggregateError too, because drivers and Drizzle wrap errors.
 */
export function isStoreUnavailable(error: unknown, depth = 0): boolean {
  // A chain of causes can be a cycle; real errors are not wrapped deeper than this.
  if (!(error instanceof Error) || depth > 5) return false
  if (isPostgresUnavailable(error) || isRedisUnavailable(error)) return true
  if (error instanceof AggregateError && error.errors.some(part => isStoreUnavailable(part, depth + 1))) return true
  return isStoreUnavailable(error.cause, depth + 1)
}
