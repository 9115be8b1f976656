import { createPrivateKey, KeyObject } from 'node:crypto'

/** A private key, with the algorithm that follows from its type. */
export interface SigningKey {
  key: KeyObject
  alg: string
  /** Null for algorithms that hash themselves. */
  hash: string | null
  kid: string | undefined
}

/**
 * Reads a private key: a PEM, a JWK or a KeyObject. Undefined if it is none, or none that can sign an assertion.
 *
 * @param given the key
 * @param keyId the `kid` of the assertions; by default that of a JWK
 */
export function readSigningKey(given: unknown, keyId: string | undefined): SigningKey | undefined {
  const key = keyOf(given)
  if (key?.type !== 'private') return undefined
  const algorithm = algorithmOf(key)
  if (!algorithm) return undefined
  const { kid } = given as { kid?: unknown }
  return { key, ...algorithm, kid: keyId ?? (typeof kid === 'string' ? kid : undefined) }
}

function keyOf(given: unknown): KeyObject | undefined {
  try {
    if (given instanceof KeyObject) return given
    if (typeof given === 'string') return createPrivateKey(given)
    return createPrivateKey({ key: given as NonNullable<object>, format: 'jwk' } as Parameters<
      typeof createPrivateKey
    >[0])
  } catch {
    return undefined
  }
}

function algorithmOf({
  asymmetricKeyType,
  asymmetricKeyDetails = {},
}: KeyObject): Pick<SigningKey, 'alg' | 'hash'> | undefined {
  if (asymmetricKeyType === 'ed25519') return { alg: 'EdDSA', hash: null }
  if (asymmetricKeyType === 'ec') return CURVES[asymmetricKeyDetails.namedCurve ?? '']
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails.modulusLength ?? 0) >= 2048)
    return { alg: 'RS256', hash: 'sha256' }
  return undefined
}

const CURVES: Record<string, Pick<SigningKey, 'alg' | 'hash'>> = {
  prime256v1: { alg: 'ES256', hash: 'sha256' },
  secp384r1: { alg: 'ES384', hash: 'sha384' },
  secp521r1: { alg: 'ES512', hash: 'sha512' },
}
