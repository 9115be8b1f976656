import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair } from 'jose'
import type { Config } from '../../config/config.js'
import { decryptText, type EncryptionKey, encryptText } from '../../lib/encrypted-text.js'

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

export interface DecryptedPrivateKey {
  plain: string
  /** The one of the given keys that decrypted it. */
  encryptedWith: EncryptionKey
}

/** Encrypts a private key. An encrypted key that was moved to another row cannot be decrypted. */
export function encryptPrivateKey(plain: string, key: EncryptionKey, kid: string): Buffer {
  return encryptText(plain, key, kid)
}

/**
 * Decrypts what {@link encryptPrivateKey} made.
 *
 * @throws Error with a message for the operator, if none of the keys can decrypt it
 */
export function decryptPrivateKey(
  encrypted: Buffer,
  keyEncryptionKeys: readonly EncryptionKey[],
  kid: string,
): DecryptedPrivateKey {
  const decrypted = decryptText(encrypted, keyEncryptionKeys, kid)
  if (decrypted !== undefined) return decrypted
  throw new Error(
    `Signing key ${kid} was encrypted with a JWT_SECRET that is not configured; ` +
      'add the old secret as the second value (JWT_SECRET=new,old), ' +
      'or if it is lost, make a new key with `latchkey keys rotate --immediately`',
  )
}
