import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { catalogue, type ErrorCode, type FieldError, LatchkeyError } from '../../lib/errors.js'
import { factsOf, recordRefusal } from '../request-facts.js'
import { asSent } from './sent-names.js'

/** RFC 9457 problem details with the extensions `code`, `errors`, `messages`, `ticket` and `request_id`. */
export interface Problem {
  type: string
  title: string
  status: number
  code: string
  detail?: string
  errors?: readonly FieldError[]
  /** Set if an access token of the Simple JWT API is refused: its clients read this field. */
  messages?: AccessTokenMessage[]
  /** Set if a refresh token in a body is superseded: the client sends it if it presents the same token again. */
  ticket?: string
  /** The id of the request, as in the header `X-Request-Id`: users quote it to support, who finds it in the log. */
  request_id: string
}

/** The body of an error response. It does not contain the cause. */
function toProblem(error: LatchkeyError, requestId: string, errors = error.errors): Problem {
  const messages = accessTokenMessages(error)
  return {
    type: `urn:latchkey:error:${error.code}`,
    title: catalogue[error.code].title,
    status: error.status,
    code: error.code,
    ...(error.detail !== undefined && { detail: error.detail }),
    ...(errors !== undefined && { errors }),
    ...(error.ticket !== undefined && { ticket: error.ticket }),
    ...(messages !== undefined && { messages }),
    request_id: requestId,
  }
}

/** Sends an error as problem details, with the headers that its status requires. */
export function sendProblem(reply: FastifyReply, error: LatchkeyError): FastifyReply {
  reply.code(error.status).type('application/problem+json')
  setErrorHeaders(reply, error)
  setChallenge(reply, error)
  // A string is not serialised by the route's response schemas, which can belong to another format.
  return reply.send(JSON.stringify(toProblem(error, reply.request.id, asSent(reply.request, error.errors))))
}

/** RFC 9110 requires a challenge for every 401, RFC 6750 a reason if a token was sent. */
export function setChallenge(reply: Pick<FastifyReply, 'header'>, { status, code }: LatchkeyError): void {
  if (status !== 401) return
  reply.header('www-authenticate', code.startsWith('token_') ? 'Bearer error="invalid_token"' : 'Bearer')
}

/** Sets the headers that errors have in every format, and records the error for the log line of the request. */
export function setErrorHeaders(reply: Pick<FastifyReply, 'header' | 'request'>, error: LatchkeyError): void {
  const { status, retryAfterSeconds } = error
  recordRefusal(reply.request, error)
  reply.header('cache-control', 'no-store')
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(Math.ceil(retryAfterSeconds)))
  // The service does not read the rest of such a request.
  if (UNREAD_STATUSES.has(status)) reply.header('connection', 'close')
}

const UNREAD_STATUSES = new Set([413, 415, 431])

/** What Simple JWT sends with a refused access token, in addition to `detail` and `code`. */
export interface AccessTokenMessage {
  token_class: 'AccessToken'
  token_type: 'access'
  message: string
}

/** The messages for a refused access token of the Simple JWT API; undefined for every other error. */
export function accessTokenMessages({ code, tokenType }: LatchkeyError): AccessTokenMessage[] | undefined {
  return tokenType === 'access' ? [accessTokenMessage(SIMPLE_JWT_WORDS[code])] : undefined
}

/** @param message by default that of a token whose signature or form is wrong */
export function accessTokenMessage(message = 'Token is invalid'): AccessTokenMessage {
  return { token_class: 'AccessToken', token_type: 'access', message }
}

/** What Simple JWT says of an access token. */
export const SIMPLE_JWT_WORDS: Partial<Record<ErrorCode, string>> = {
  token_invalid: 'Token is invalid',
  token_expired: 'Token is expired',
  token_revoked: 'Token is blacklisted',
  // The client must refresh to get the new roles, and clients refresh when a token has expired.
  token_stale: 'Token is expired',
}

/** Logs an error. The log's serializer (server/logging.ts) removes the parts of the cause that can quote user data. */
export function logRefusal(log: FastifyBaseLogger, request: FastifyRequest, error: LatchkeyError): void {
  recordRefusal(request, error)
  const { status, cause } = error
  const facts = { reqId: request.id, ...factsOf(request) }
  const fields = cause === undefined ? facts : { ...facts, err: cause }
  if (status < 500) log.debug(facts, 'request refused')
  else if (status === 500) log.error(fields, 'request failed')
  else log.warn(fields, 'request refused')
}

/**
 * Answers data that is not a complete request: malformed HTTP, headers that are too large, or a request that took too
 * long to arrive. Closes the connection, because the start of the next request is unknown. It has no other log line, so
 * this one is written at the level of those of other requests.
 */
export function answerClientError(
  error: Error & { code?: string },
  socket: Socket,
  { id, headers, log }: ClientErrorAnswer,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const problem = toProblem(new LatchkeyError(PARSER_CODES[error.code ?? ''] ?? 'invalid_request'), id)
  const { code, status: statusCode } = problem
  log.info({ reqId: id, code, remoteAddress: socket.remoteAddress, res: { statusCode } }, 'request refused')
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ]
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}

export interface ClientErrorAnswer {
  /** A new id: the header with that of a proxy may not have arrived. */
  id: string
  /** The headers of every answer. */
  headers: Record<string, string>
  log: Pick<FastifyBaseLogger, 'info'>
}

const PARSER_CODES: Partial<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}
