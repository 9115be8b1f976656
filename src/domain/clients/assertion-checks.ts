import type { JWTHeaderParameters, JWTPayload } from 'jose'
import type { AssertionTrust } from '../../lib/assertion-trust.js'

/** Only asymmetric ones: with HS256, whoever knows the public key could sign. */
export const ASSERTION_ALGORITHMS = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
]

/** Why an assertion is refused: for the log and the security event, never for the answer. */
export type AssertionRefusal =
  | 'malformed'
  | 'client_unknown'
  | 'no_assertion_registered'
  | 'type_not_allowed'
  | 'algorithm_not_allowed'
  | 'extension_not_allowed'
  | 'wrong_issuer'
  | 'wrong_subject'
  | 'wrong_audience'
  | 'no_expiry'
  | 'expired'
  | 'expires_too_late'
  | 'not_yet_valid'
  | 'key_unknown'
  | 'wrong_signature'
  | 'used_before'

/**
 * A JWT that says it is something else, such as an access token that the same key signed, is no assertion (RFC 8725,
 * 3.11). `JOSE` says only how it is encoded (RFC 7515, 4.1.9); tokens of SPIFFE can have it.
 */
const TYPES = new Set(['jwt', 'jose', 'client-authentication+jwt'])

export function refusalOfHeader({ alg, typ, crit, b64 }: JWTHeaderParameters): AssertionRefusal | undefined {
  if (typ !== undefined && !(typeof typ === 'string' && TYPES.has(typ.toLowerCase().replace(/^application\//, ''))))
    return 'type_not_allowed'
  // We know no extension (RFC 7515, 4.1.11), and a JWT must not have an unencoded payload (RFC 7797, 7).
  if (crit !== undefined || b64 !== undefined) return 'extension_not_allowed'
  return ASSERTION_ALGORITHMS.includes(alg) ? undefined : 'algorithm_not_allowed'
}

export function refusalOfNames(
  trust: AssertionTrust,
  clientId: string,
  { iss, sub }: JWTPayload,
): AssertionRefusal | undefined {
  const [issuer, subject] = trust.kind === 'issuer' ? [trust.issuer, trust.subject] : [clientId, clientId]
  if (iss !== issuer) return 'wrong_issuer'
  return sub === subject ? undefined : 'wrong_subject'
}

/**
 * A client's own assertion may be for nobody else: with a second audience, that one could send it to us (RFC 7523 as
 * updated by draft-ietf-oauth-rfc7523bis). Tokens of an issuer can have several audiences.
 */
export function refusalOfAudience(
  { kind, audiences }: AssertionTrust,
  ownIssuer: string,
  aud: unknown,
): AssertionRefusal | undefined {
  const accepted: readonly unknown[] = audiences ?? [ownIssuer]
  const given: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  const isForUs =
    kind === 'issuer'
      ? given.some(audience => accepted.includes(audience))
      : given.length > 0 && given.every(audience => accepted.includes(audience))
  return isForUs ? undefined : 'wrong_audience'
}

/** How much the clocks of others can differ from that of the database. */
const LEEWAY_SECONDS = 30

/**
 * The last moment, in whole seconds since the epoch, before which an assertion is accepted. Both the check of its claims
 * and the record of its use need the same moment: `exp` can have a fraction, and the time of the check has none.
 */
export function acceptedUntil(exp: number): number {
  return Math.floor(exp) + LEEWAY_SECONDS
}

/** An assertion of the client's own is made for one request. */
const OWN_LIFETIME_SECONDS = 10 * 60
/** Kubernetes renews a token daily at least; one that lasts longer was not made for a pod. */
const ISSUED_LIFETIME_SECONDS = 24 * 60 * 60

export function refusalOfTimes(
  { kind }: AssertionTrust,
  { exp, nbf, iat }: Record<string, unknown>,
  now: number,
): AssertionRefusal | undefined {
  if (typeof exp !== 'number') return 'no_expiry'
  if (acceptedUntil(exp) <= now) return 'expired'
  const lifetime = kind === 'issuer' ? ISSUED_LIFETIME_SECONDS : OWN_LIFETIME_SECONDS
  const since = Math.min(typeof iat === 'number' ? iat : now, now)
  if (exp > since + lifetime + LEEWAY_SECONDS) return 'expires_too_late'
  for (const instant of [nbf, iat]) {
    if (instant === undefined) continue
    if (typeof instant !== 'number' || instant > now + LEEWAY_SECONDS) return 'not_yet_valid'
  }
  return undefined
}
