import { auth, UnauthorizedError } from 'express-oauth2-jwt-bearer'
import { Refused, refuse } from './answers.mjs'
import { audience, issuer, jwksUri } from './settings.mjs'

const verify = auth({
  // Not issuerBaseURL: it fetches the metadata from the issuer, which a container may not reach.
  issuer,
  jwksUri,
  audience,
  tokenSigningAlg: 'ES256',
  // Requires the type at+jwt, and the claims of RFC 9068.
  strict: true,
  validators: { sid: sid => typeof sid === 'string' },
})

export function authenticate(request, response, next) {
  verify(request, response, error => {
    if (error instanceof UnauthorizedError) return refuse(response, refusalOf(error))
    if (error) return next(error)
    request.claims = request.auth.payload
    next()
  })
}

/** The library has one class for all errors, also for keys that it could not fetch. Only the text differs. */
function refusalOf(error) {
  if (!error.code) return new Refused(401, 'authentication_required')
  if (NO_KEYS.test(error.message)) return new Refused(503, 'keys_unavailable', error)
  return new Refused(401, error.message.includes('"exp" claim') ? 'token_expired' : 'token_invalid', error)
}

const NO_KEYS =
  /^$|ECONN|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|socket hang up|timed out|Expected 200 OK|Failed to parse the JSON Web Key/
