import type { FastifyReply } from 'fastify'
import type { ErrorCode, LatchkeyError } from '../../../lib/errors.js'
import { type AccessTokenMessage, accessTokenMessages, setErrorHeaders } from '../../errors/problem.js'

/**
 * Sends a refusal as Simple JWT does, with the headers that its status asks for.
 *
 * @param refusal what the four endpoints would say, unless it is given
 */
export function sendRefusal(
  reply: FastifyReply,
  error: LatchkeyError,
  { status, body }: Refusal = refusalOf(error, reply.request.headers['content-type']),
): FastifyReply {
  reply.code(status).type('application/json')
  setErrorHeaders(reply, error)
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="api"')
  // A string passes by the response schemas of the route that was asked, which may belong to another format.
  return reply.send(JSON.stringify(body))
}

/**
 * What a view of Django REST framework that Simple JWT guards would answer in our place: for an access token of the
 * dialect, for what is no token of ours, and for a header that holds none. Undefined for every other refusal, above all
 * for genuine tokens that were made elsewhere: their clients look for our own codes.
 *
 * @param authorization the header of that name
 */
export function viewRefusalOf(error: LatchkeyError, authorization: string | undefined): Refusal | undefined {
  if (error.dialect === 'simple-jwt') {
    return error.account === undefined
      ? notValid(accessTokenMessages(error)!)
      : unauthorised(ACCOUNT_REFUSALS[error.account])
  }
  if (error.code !== 'token_invalid' || authorization === undefined) return undefined
  const [scheme, ...values] = authorization.split(/[ \t]+/)
  if (scheme!.toLowerCase() !== 'bearer') return unauthorised({ detail: CREDENTIALS_NOT_PROVIDED })
  if (values.length !== 1) return unauthorised(BAD_HEADER)
  // Refresh tokens of ours are told by how they begin, and nothing depends on whether one is genuine.
  const message = values[0]!.startsWith('lk_rt_') ? 'Token has wrong type' : 'Token is invalid or expired'
  return notValid([{ token_class: 'AccessToken', token_type: 'access', message }])
}

/** What Django REST framework says where no credentials came. */
export const CREDENTIALS_NOT_PROVIDED = 'Authentication credentials were not provided.'

/** What it says of a good token whose user is not there any more. */
export const ACCOUNT_REFUSALS = {
  deleted: { detail: 'User not found', code: 'user_not_found' },
  disabled: { detail: 'User is inactive', code: 'user_inactive' },
}
const BAD_HEADER = {
  detail: 'Authorization header must contain two space-delimited values',
  code: 'bad_authorization_header',
}

function notValid(messages: AccessTokenMessage[]): Refusal {
  return unauthorised({ detail: 'Given token not valid for any token type', code: 'token_not_valid', messages })
}

function unauthorised(body: Record<string, unknown>): Refusal {
  return { status: 401, body }
}

/** What Simple JWT, or Django REST framework around it, would answer in our place. */
interface Refusal {
  status: number
  body: Record<string, unknown>
}

/**
 * Translates a refusal into the words of Simple JWT. What only this service refuses has its own code beside the detail:
 * `password_change_required` tells a client where to go on.
 *
 * @param contentType what the request said its body was
 */
function refusalOf(error: LatchkeyError, contentType = ''): Refusal {
  const { status, code, errors } = error
  // Of a refresh token. Simple JWT does not look for the user of an access token at these addresses.
  if (code === 'user_disabled' || (code === 'session_revoked' && error.account === 'deleted'))
    return { status, body: { detail: NO_ACCOUNT } }
  const token = TOKEN_REFUSALS[code]
  if (token !== undefined) {
    const messages = accessTokenMessages(error)
    return { status, body: { detail: token, code: 'token_not_valid', ...(messages && { messages }) } }
  }
  const plain = plainDetail(error, contentType)
  if (plain !== undefined) return { status, body: { detail: plain } }
  if (errors !== undefined && code === 'invalid_request') return { status, body: byField(errors) }
  return { status, body: { detail: error.detail ?? error.message, code } }
}

const INVALID = 'Token is invalid'
const EXPIRED = 'Token is expired'
const NO_ACCOUNT = 'No active account found for the given token.'
const BLACKLISTED = 'Token is blacklisted'

const TOKEN_REFUSALS: Partial<Record<ErrorCode, string>> = {
  token_invalid: INVALID,
  token_expired: EXPIRED,
  token_revoked: BLACKLISTED,
  // A refresh brings the new roles, and that is what clients do about an expired one.
  token_stale: EXPIRED,
  refresh_token_invalid: INVALID,
  refresh_token_unknown: INVALID,
  refresh_token_expired: EXPIRED,
  refresh_token_superseded: BLACKLISTED,
  refresh_token_reused: BLACKLISTED,
  session_expired: EXPIRED,
  session_revoked: BLACKLISTED,
}

/** The refusals that come without a code there too. */
function plainDetail(error: LatchkeyError, contentType: string): string | undefined {
  switch (error.code) {
    case 'invalid_credentials':
      return 'No active account found with the given credentials'
    case 'invalid_json':
      return `JSON parse error - ${error.detail ?? error.message}`
    case 'multipart_invalid':
      return `Multipart form parse error - ${error.detail ?? error.message}`
    case 'unsupported_media_type':
      return `Unsupported media type "${contentType.slice(0, 100)}" in request.`
    case 'not_found':
      return 'Not found.'
    case 'method_not_allowed':
      return error.detail ?? error.message
    case 'rate_limited': {
      const seconds = Math.max(1, Math.ceil(error.retryAfterSeconds ?? 1))
      return `Request was throttled. Expected available in ${seconds} second${seconds === 1 ? '' : 's'}.`
    }
    default:
      return undefined
  }
}

function byField(errors: readonly { field: string; message: string }[]): Record<string, string[]> {
  return Object.fromEntries(errors.map(({ field, message }) => [field, [message]]))
}
