import jwt from 'jsonwebtoken'
import { JwksClient, SigningKeyNotFoundError } from 'jwks-rsa'
import { Refused } from './answers.mjs'
import { audience, issuer, jwksUri } from './settings.mjs'

// Without rateLimit each token with an unknown kid costs a request. The name is history: other keys than RSA work.
const keys = new JwksClient({
  jwksUri,
  cacheMaxAge: 300_000,
  rateLimit: true,
  jwksRequestsPerMinute: 10,
  timeout: 5000,
})

export async function verifyAccessToken(token) {
  const header = jwt.decode(token, { complete: true })?.header
  // jsonwebtoken does not check the type.
  if (header?.typ !== 'at+jwt') throw new Refused(401, 'token_invalid', new Error('it is not an access token'))
  const key = await findKey(header.kid)
  try {
    const claims = jwt.verify(token, key, { algorithms: ['ES256'], issuer, audience, clockTolerance: 5 })
    // Nor does it require any claim.
    if (claims.exp === undefined || !claims.sub || !claims.sid) throw new Error('exp, sub or sid is missing')
    return claims
  } catch (error) {
    throw new Refused(401, error instanceof jwt.TokenExpiredError ? 'token_expired' : 'token_invalid', error)
  }
}

async function findKey(kid) {
  try {
    return (await keys.getSigningKey(kid)).getPublicKey()
  } catch (error) {
    if (error instanceof SigningKeyNotFoundError) throw new Refused(401, 'token_invalid', error)
    throw new Refused(503, 'keys_unavailable', error)
  }
}
