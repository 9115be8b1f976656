import type { FastifyReply } from 'fastify'
import type { ErrorCode, LatchkeyError } from '../../../lib/errors.js'

/** What RFC 6749, 5.2, has every refusal look like. */
export interface OAuthError {
  error: string
  error_description?: string
}

/** The codes that are those of RFC 6749 as they are. */
const OWN_CODES: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
])

/** Sends a refusal in the words of RFC 6749, 5.2, with the headers that its status asks for. */
export function sendOAuthError(reply: FastifyReply, error: LatchkeyError): FastifyReply {
  const { name, status } = translate(error)
  reply.code(status).type('application/json').headers({ 'cache-control': 'no-store', pragma: 'no-cache' })
  if (status === 401) reply.header('www-authenticate', 'Basic realm="latchkey"')
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(Math.ceil(error.retryAfterSeconds)))
  // The rest of such a request is not waited for.
  if (UNREAD_STATUSES.has(error.status)) reply.header('connection', 'close')
  const body: OAuthError = { error: name, error_description: describe(error) }
  return reply.send(JSON.stringify(body))
}

const UNREAD_STATUSES = new Set([413, 415, 431])

function translate({ code, status }: LatchkeyError): { name: string; status: number } {
  if (OWN_CODES.has(code)) return { name: code, status }
  // Borrowed from RFC 6749, 4.1.2.1, as 5.2 has no word for it.
  if (status === 429 || status === 503) return { name: 'temporarily_unavailable', status }
  if (status >= 500) return { name: 'server_error', status }
  // A refresh token that does not work is the one thing left to be refused with 401.
  if (status === 401) return { name: 'invalid_grant', status: 400 }
  return { name: 'invalid_request', status: 400 }
}

/** RFC 6749 allows printable ASCII without quotation marks and backslashes. */
function describe({ code, detail, message, errors }: LatchkeyError): string {
  const field = errors?.[0]
  const text = field ? `${field.field} ${field.message}` : code === 'unsupported_media_type' ? FORMS_ONLY : detail
  return (text ?? message).replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'")
}

const FORMS_ONLY = 'Send the body as application/x-www-form-urlencoded.'
