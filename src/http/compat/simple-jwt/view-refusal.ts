import type { LatchkeyError } from '../../../lib/errors.js'
import { type AccessTokenMessage, accessTokenMessages } from '../../plugins/access-token-messages.js'
import type { Refusal } from './refusal.js'

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
      : unauthorised(ACCOUNT_ENDS[error.account])
  }
  if (error.code !== 'token_invalid' || authorization === undefined) return undefined
  const [scheme, ...values] = authorization.split(/[ \t]+/)
  if (scheme!.toLowerCase() !== 'bearer') return unauthorised({ detail: NOT_PROVIDED })
  if (values.length !== 1) return unauthorised(BAD_HEADER)
  // Refresh tokens of ours are told by how they begin, and nothing depends on whether one is genuine.
  const message = values[0]!.startsWith('lk_rt_') ? 'Token has wrong type' : 'Token is invalid or expired'
  return notValid([{ token_class: 'AccessToken', token_type: 'access', message }])
}

/** What Django REST framework says where no credentials came. */
export const NOT_PROVIDED = 'Authentication credentials were not provided.'

/** What it says of a good token whose user is not there any more. */
export const ACCOUNT_ENDS = {
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
