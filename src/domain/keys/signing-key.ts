import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair } from 'jose'
import type { Config } from '../../config/config.js'

export type Algorithm = Config['algorithm']

/** A public key as /.well-known/jwks.json shows it (RFC 7517). */
export type PublicJwk = {
  kid: string
  alg: Algorithm
  use: 'sig'
  kty: string
  crv?: string
  x?: string
  y?: string
  n?: string
  e?: string
}

export interface GeneratedSigningKey {
  /** The thumbprint of the public key (RFC 7638), so that two keys cannot have the same kid. */
  kid: string
  alg: Algorithm
  publicJwk: PublicJwk
  /** PKCS #8 in PEM. Encrypt it before storing it. */
  privatePem: string
}

/**
 * The minimum size that RFC 7518 allows: a signature with 3072 bits takes three times as long, and RS256 is already the
 * slowest algorithm (234 µs, ES256 25 µs). A key signs for months; its tokens are valid for minutes.
 */
const RSA_BITS = 2048

/** Generates a key pair for signing access tokens. */
export async function generateSigningKey(alg: Algorithm): Promise<GeneratedSigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: RSA_BITS })
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  return {
    kid,
    alg,
    publicJwk: { ...jwk, kid, alg, use: 'sig' } as PublicJwk,
    privatePem: await exportPKCS8(privateKey),
  }
}
