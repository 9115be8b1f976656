import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { readJsonObject } from './token-form.js'

/** The algorithms of access tokens. All are asymmetric, so that a service that verifies tokens cannot make them. */
export type Algorithm = 'ES256' | 'EdDSA' | 'RS256'

/** A public key (RFC 7517). Members that are not named here are ignored. */
export type PublicKeyJwk = {
  kid: string
  kty: string
  alg?: string
  crv?: string
  x?: string
  y?: string
  n?: string
  e?: string
}

export interface VerificationKey {
  readonly kid: string
  /** The only algorithm of this key. */
  readonly alg: Algorithm
  /**
   * Checks the signature of a JWT of three parts and returns its claims; undefined if the signature is not valid, or if
   * the claims are not a JSON object. The caller checks the form of the token first, and the claims afterwards.
   */
  verify(token: string): Record<string, unknown> | undefined
}

/** The smallest RSA key that RFC 7518 allows. */
const RSA_MIN_BITS = 2048

/**
 * Opens a public key. Do it once for each key: it takes longer than a signature check. The key alone decides the
 * algorithm, so that no token can choose another one (RFC 8725, 3.1).
 *
 * @throws Error if the key cannot be used, with the reason
 */
export function openVerificationKey(jwk: PublicKeyJwk): VerificationKey {
  const { kid } = jwk
  const alg = algorithmOf(jwk)
  if (alg === undefined || (jwk.alg !== undefined && jwk.alg !== alg))
    throw new Error(`key ${kid} is not a key for ES256, EdDSA or RS256`)
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  if (alg === 'RS256' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < RSA_MIN_BITS)
    throw new Error(`key ${kid} is an RSA key of fewer than ${RSA_MIN_BITS} bits`)
  const isValid = CHECKS[alg](key)
  return {
    kid,
    alg,
    verify(token) {
      const end = token.lastIndexOf('.')
      if (!isValid(Buffer.from(token.slice(0, end), 'latin1'), Buffer.from(token.slice(end + 1), 'base64url')))
        return undefined
      return readJsonObject(token.slice(token.indexOf('.') + 1, end))
    },
  }
}

function algorithmOf({ kty, crv }: PublicKeyJwk): Algorithm | undefined {
  if (kty === 'EC' && crv === 'P-256') return 'ES256'
  if (kty === 'OKP' && crv === 'Ed25519') return 'EdDSA'
  return kty === 'RSA' ? 'RS256' : undefined
}

type SignatureCheck = (signed: Buffer, signature: Buffer) => boolean

/** RFC 7518, 3.3 and 3.4; RFC 8037, 3.1. */
const CHECKS: Record<Algorithm, (key: KeyObject) => SignatureCheck> = {
  ES256(key) {
    const options = { key, dsaEncoding: 'ieee-p1363' } as const
    return (signed, signature) => signature.length === 64 && verify('sha256', signed, options, signature)
  },
  EdDSA(key) {
    return (signed, signature) => signature.length === 64 && verify(null, signed, key, signature)
  },
  RS256(key) {
    const options = { key, padding: constants.RSA_PKCS1_PADDING }
    return (signed, signature) => verify('sha256', signed, options, signature)
  },
}
