import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair } from 'jose'
import type { Config } from '../../config/config.js'
import type { KeyEncryptionKey } from './secrets.js'

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

// version (1) ‖ key id (1) ‖ iv (12) ‖ ciphertext ‖ tag (16)
const VERSION = 1
const HEADER_BYTES = 2
const IV_BYTES = 12
const TAG_BYTES = 16

/**
 * Encrypts a private key with AES-256-GCM.
 *
 * @param kid is authenticated too, so that an encrypted key that was moved to another row cannot be decrypted
 */
export function encryptPrivateKey(plain: string, key: KeyEncryptionKey, kid: string): Buffer {
  const header = Buffer.of(VERSION, key.id)
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key.key, iv, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.concat([header, Buffer.from(kid)]))
  return Buffer.concat([header, iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

export interface DecryptedPrivateKey {
  plain: string
  /** The one of the given keys that decrypted it. */
  encryptedWith: KeyEncryptionKey
}

/**
 * Decrypts what {@link encryptPrivateKey} made.
 *
 * @throws Error with a message for the operator, if none of the keys can decrypt it
 */
export function decryptPrivateKey(
  encrypted: Buffer,
  keyEncryptionKeys: readonly KeyEncryptionKey[],
  kid: string,
): DecryptedPrivateKey {
  const decrypted = tryDecryptPrivateKey(encrypted, keyEncryptionKeys, kid)
  if (decrypted !== undefined) return decrypted
  throw new Error(
    `Signing key ${kid} was encrypted with a JWT_SECRET that is not configured; ` +
      'add the old secret as the second value (JWT_SECRET=new,old), ' +
      'or if it is lost, make a new key with `latchkey keys rotate --immediately`',
  )
}

/** The same, but returns undefined if none of the keys can decrypt it. */
export function tryDecryptPrivateKey(
  encrypted: Buffer,
  keyEncryptionKeys: readonly KeyEncryptionKey[],
  kid: string,
): DecryptedPrivateKey | undefined {
  for (const key of keyEncryptionKeys) {
    const plain = decrypt(encrypted, key, kid)
    if (plain !== undefined) return { plain, encryptedWith: key }
  }
  return undefined
}

function decrypt(encrypted: Buffer, key: KeyEncryptionKey, kid: string): string | undefined {
  if (encrypted.length <= HEADER_BYTES + IV_BYTES + TAG_BYTES) return undefined
  if (encrypted[0] !== VERSION || encrypted[1] !== key.id) return undefined
  const iv = encrypted.subarray(HEADER_BYTES, HEADER_BYTES + IV_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', key.key, iv, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.concat([encrypted.subarray(0, HEADER_BYTES), Buffer.from(kid)]))
  decipher.setAuthTag(encrypted.subarray(-TAG_BYTES))
  const ciphertext = encrypted.subarray(HEADER_BYTES + IV_BYTES, -TAG_BYTES)
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8')
  } catch {
    // The tag is wrong: another secret with the same id, another kid, or damaged bytes.
    return undefined
  }
}
