import type { LatchkeyError } from '../../lib/errors.js'

/** What Simple JWT says of an access token that it refuses, beside its detail and code. */
export interface AccessTokenMessage {
  token_class: 'AccessToken'
  token_type: 'access'
  message: string
}

/** The messages for a refused access token of the Simple JWT dialect; undefined for every other refusal. */
export function accessTokenMessages(error: LatchkeyError): AccessTokenMessage[] | undefined {
  if (error.dialect !== 'simple-jwt') return undefined
  return [{ token_class: 'AccessToken', token_type: 'access', message: 'Token is invalid or expired' }]
}
