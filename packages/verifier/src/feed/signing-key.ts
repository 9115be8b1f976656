import { constants, createPrivateKey, KeyObject, type SignKeyObjectInput } from 'node:crypto'

/** A private key, with the algorithm that it signs with. */
export interface SigningKey {
  key: SignKeyObjectInput
  alg: string
  /** Null for algorithms that hash themselves. */
  hash: string | null
  kid: string | undefined
}

/**
 * Reads a private key: a PEM, a JWK or a KeyObject. Undefined if it is none, or none that can sign an assertion.
 *
 * @param given the key. A JWK can say its algorithm; otherwise it follows from the type of the key
 * @param keyId the `kid` of the assertions; by default that of a JWK
 */
export function readSigningKey(given: unknown, keyId: string | undefined): SigningKey | undefined {
  const key = keyOf(given)
  if (key?.type !== 'private') return undefined
  const { kid, alg: named } = given instanceof KeyObject ? {} : (given as { kid?: unknown; alg?: unknown })
  const possible = algorithmsOf(key)
  const alg = named === undefined ? possible[0] : possible.find(name => name === named)
  if (alg === undefined) return undefined
  return {
    key: { key, dsaEncoding: 'ieee-p1363', ...(alg.startsWith('PS') && PSS) },
    alg,
    hash: alg.startsWith('Ed') ? null : `sha${alg.slice(2)}`,
    kid: keyId ?? (typeof kid === 'string' ? kid : undefined),
  }
}

/** RFC 7518, 3.5: the salt is as long as the hash. */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }

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

/** The default comes first. */
function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): readonly string[] {
  if (asymmetricKeyType === 'ed25519') return ['EdDSA', 'Ed25519']
  if (asymmetricKeyType === 'ec') return CURVES[asymmetricKeyDetails.namedCurve ?? ''] ?? []
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails.modulusLength ?? 0) >= 2048)
    return ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
  return []
}

const CURVES: Record<string, readonly string[]> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
}
