/** The algorithms with which a type of key can sign. RSA keys can sign with several. */
const ALGORITHMS: Record<string, readonly string[]> = {
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
  RSA: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
}

/** The members of RFC 7518, 6, that are private or symmetric. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * The algorithms of assertions that a JWK (RFC 7517) can verify; empty if there are none.
 *
 * @param jwk with `alg`, only this one
 */
export function algorithmsOf({ kty, crv, alg }: Record<string, unknown>): readonly string[] {
  const all = ALGORITHMS[String(kty === 'RSA' ? kty : crv)] ?? []
  return alg === undefined ? all : all.filter(algorithm => algorithm === alg)
}

/**
 * Why assertions cannot be verified with a JWK, or must not be, as the end of a sentence that begins with the set of
 * keys. It contains no part of the key. Undefined if nothing is wrong.
 */
export function publicKeyProblem(jwk: Record<string, unknown>): string | undefined {
  if (jwk.kty === 'oct') return 'must not contain a symmetric key'
  if (PRIVATE_MEMBERS.some(member => member in jwk))
    return 'contains a private key: give the public key only, and replace this key pair'
  if (jwk.use !== undefined && jwk.use !== 'sig') return 'contains a key that is not for signatures'
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify')))
    return 'contains a key whose key_ops does not include verify'
  if (jwk.kid !== undefined && typeof jwk.kid !== 'string') return 'contains a key whose kid is not a text'
  const usable = algorithmsOf({ ...jwk, alg: undefined })
  if (usable.length === 0)
    return 'contains a key that cannot be used: give EC (P-256, P-384, P-521), Ed25519 or RSA keys'
  if (algorithmsOf(jwk).length === 0) return `contains a key whose alg cannot be used: give ${usable.join(' or ')}`
  return jwk.kty === 'RSA' ? rsaKeyProblem(jwk) : undefined
}

const RSA_BITS = { least: 2048, most: 16_384 }

/** With the exponent 1 everyone could sign; small ones made forgeries possible (FIPS 186-5, A.1.1). */
export function rsaKeyProblem({ n, e }: Record<string, unknown>): string | undefined {
  const [modulus, exponent] = [numberOf(n), numberOf(e)]
  const bits = modulus === 0n ? 0 : modulus.toString(2).length
  if (bits < RSA_BITS.least) return `contains an RSA key with fewer than ${RSA_BITS.least} bits`
  if (bits > RSA_BITS.most) return `contains an RSA key with more than ${RSA_BITS.most} bits`
  if (exponent < 65_537n || exponent % 2n === 0n || exponent >= 1n << 256n)
    return 'contains an RSA key with an unsafe public exponent: make one with the exponent 65537 (e is AQAB)'
  return undefined
}

/** Longer values are refused before they are parsed. */
const MAX_NUMBER_BYTES = 4096

function numberOf(value: unknown): bigint {
  if (typeof value !== 'string') return 0n
  const bytes = Buffer.from(value, 'base64url')
  return bytes.length === 0 || bytes.length > MAX_NUMBER_BYTES ? 0n : BigInt(`0x${bytes.toString('hex')}`)
}

/**
 * Why a key of a set could never be found, as above: an assertion names a key by its `kid` and its algorithm, and one that
 * fits two keys is refused.
 */
export function ambiguityIn(keys: readonly Record<string, unknown>[]): string | undefined {
  for (const [index, key] of keys.entries())
    for (const other of keys.slice(index + 1)) {
      const alg = algorithmsOf(key).find(algorithm => algorithmsOf(other).includes(algorithm))
      if (alg === undefined) continue
      if (key.kid === undefined || other.kid === undefined)
        return `contains several keys for ${alg}: give each a kid of its own, which the assertions name`
      if (key.kid === other.kid) return `contains two keys for ${alg} with the kid ${JSON.stringify(key.kid)}`
    }
  return undefined
}
