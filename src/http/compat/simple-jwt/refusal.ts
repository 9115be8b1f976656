import type { ErrorCode, LatchkeyError } from '../../../lib/errors.js'
import { accessTokenMessages } from '../../plugins/access-token-messages.js'

/** What Simple JWT, or Django REST framework around it, would answer in our place. */
export interface Refusal {
  status: number
  body: Record<string, unknown>
}

/**
 * Translates a refusal into the words of Simple JWT. What only this service refuses has its own code beside the detail:
 * `password_change_required` tells a client where to go on.
 *
 * @param contentType what the request said its body was
 */
export function refusalOf(error: LatchkeyError, contentType = ''): Refusal {
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
