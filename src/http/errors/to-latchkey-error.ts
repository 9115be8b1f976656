import { type ErrorCode, LatchkeyError } from '../../lib/errors.js'
import { isPostgresUnavailable } from '../../postgres/errors.js'
import { isRedisUnavailable } from '../../redis/errors.js'
import { refusalOfSchema } from './field-errors.js'
import type { Part, SchemaError } from './schema-messages.js'

/** Translates everything that can be thrown into an error of the catalogue. Unexpected errors become `internal_error`. */
export function toLatchkeyError(error: unknown): LatchkeyError {
  if (error instanceof LatchkeyError) return error
  if (!(error instanceof Error)) return new LatchkeyError('internal_error', { cause: error })

  const { code = '', statusCode = 500, validation, validationContext } = error as ThrownByFastify
  // Without a cause: the validator's errors contain the refused values.
  if (validation !== undefined)
    return new LatchkeyError('invalid_request', refusalOfSchema(validation, validationContext))
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
  validation?: readonly SchemaError[]
  validationContext?: Part
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
