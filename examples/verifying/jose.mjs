import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import { Refused } from './answers.mjs'
import { audience, issuer, jwksUri } from './settings.mjs'

// Keeps the keys for 10 minutes (cacheMaxAge). An unknown kid fetches them again, at most every 30 seconds.
const keys = createRemoteJWKSet(new URL(jwksUri))

export async function verifyAccessToken(token) {
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ['ES256'],
      typ: 'at+jwt',
      issuer,
      audience,
      requiredClaims: ['exp', 'sub', 'sid'],
      clockTolerance: 5,
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new Refused(401, 'token_expired', error)
    if (TOKEN_ERRORS.test(error.code)) throw new Refused(401, 'token_invalid', error)
    throw new Refused(503, 'keys_unavailable', error)
  }
}

/** All other errors are about the keys: they could not be fetched or read. */
const TOKEN_ERRORS = /^ERR_(JWT_|JWS_|JOSE_ALG_NOT_ALLOWED|JOSE_NOT_SUPPORTED|JWKS_NO_MATCHING_KEY|JWKS_MULTIPLE)/
