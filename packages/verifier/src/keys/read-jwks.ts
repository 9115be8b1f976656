import { openVerificationKey, type PublicKeyJwk, type VerificationKey } from '../core/index.js'

/** More keys than any rotation publishes at a time. */
const MAX_KEYS = 100
const MAX_KID_LENGTH = 200

/**
 * The usable keys of a JWK Set (RFC 7517), by kid. Keys for other purposes and of other kinds are passed over (RFC 7517,
 * 5). A key that was read before is the same object, because opening one takes time.
 *
 * @param known the keys that were read before
 * @throws Error if the value is not a JWK Set, or contains no usable key
 */
export function readJwks(value: unknown, known: ReadonlyMap<string, OpenedKey>): Map<string, OpenedKey> {
  const { keys } = (value ?? {}) as { keys?: unknown }
  if (!Array.isArray(keys)) throw new Error('the answer is not a JWK Set (RFC 7517)')
  const opened = new Map<string, OpenedKey>()
  for (const jwk of keys.slice(0, MAX_KEYS)) {
    const key = readKey(jwk, known)
    if (key) opened.set(key.verification.kid, key)
  }
  if (opened.size === 0) throw new Error('the JWK Set has no key for ES256, EdDSA or RS256')
  return opened
}

export interface OpenedKey {
  readonly verification: VerificationKey
  /** The values of the key, to recognise another key with the same kid. */
  readonly values: string
}

function readKey(jwk: unknown, known: ReadonlyMap<string, OpenedKey>): OpenedKey | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined
  const { kid, kty, use, alg, crv, x, y, n, e } = jwk as Record<string, unknown>
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) return undefined
  if (use !== undefined && use !== 'sig') return undefined
  // Only public values: a private part that was published by mistake must not be used.
  const publicJwk = JSON.parse(JSON.stringify({ kid, kty, alg, crv, x, y, n, e })) as PublicKeyJwk
  const values = JSON.stringify(publicJwk)
  const before = known.get(kid)
  if (before?.values === values) return before
  try {
    return { verification: openVerificationKey(publicJwk), values }
  } catch {
    return undefined
  }
}
