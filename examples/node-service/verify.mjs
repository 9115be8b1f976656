import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

/**
 * Creates the two checks of a service that accepts Latchkey's access tokens.
 *
 * @param issuer - the `iss` of the tokens: PUBLIC_ORIGIN of Latchkey, or its JWT_ISSUER
 * @param audience - the `aud` of the tokens: the issuer, or Latchkey's JWT_AUDIENCE
 * @param url - the address at which this service reaches Latchkey, if it is not the issuer
 */
export function createTokenChecks({ issuer, audience = issuer, url = issuer }) {
  // Fetched once and kept. A token with an unknown key makes it fetch the keys again, at most every 30 seconds.
  const keys = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`))

  /**
   * Checks a token without a request to Latchkey: signature, issuer, audience, lifetime and type. It does not learn that
   * a token was revoked before its end.
   *
   * @returns the claims: `sub` is the user, `sid` the session, `roles` a list
   * @throws Refusal
   */
  async function checkLocally(token) {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        // Only access tokens (RFC 9068, 4). The audience excludes the tokens of clients, which have another one.
        typ: 'at+jwt',
        algorithms: ['ES256', 'EdDSA', 'RS256'],
        requiredClaims: ['sub', 'sid', 'exp'],
      })
      return payload
    } catch (error) {
      throw refusalOf(error)
    }
  }

  /**
   * Asks Latchkey about a token. It refuses a revoked token at once, and costs a request.
   *
   * @returns the user, the session and the roles
   * @throws Refusal
   */
  async function checkNow(token) {
    let answer, body
    try {
      answer = await fetch(`${url}/auth/verify`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token }),
        signal: AbortSignal.timeout(2000),
      })
      // The page of a gateway before Latchkey is not JSON.
      body = await answer.json()
    } catch (cause) {
      throw new Refusal(503, 'verification_unavailable', { cause })
    }
    if (answer.ok) return body
    throw answer.status === 401 ? new Refusal(401, body.code) : new Refusal(503, 'verification_unavailable')
  }

  return { checkLocally, checkNow }
}

/** A refused token: 401 if the token is at fault, 503 if it cannot be checked now. */
export class Refusal extends Error {
  constructor(status, code, options) {
    super(code, options)
    this.status = status
    this.code = code
  }
}

/** Errors of the token. All others mean that the keys could not be read, and say nothing about the token. */
const TOKEN_ERRORS = [
  errors.JWSInvalid,
  errors.JWTInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JWTClaimValidationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
]

function refusalOf(error) {
  if (error instanceof errors.JWTExpired) return new Refusal(401, 'token_expired', { cause: error })
  return TOKEN_ERRORS.some(kind => error instanceof kind)
    ? new Refusal(401, 'token_invalid', { cause: error })
    : new Refusal(503, 'verification_unavailable', { cause: error })
}
