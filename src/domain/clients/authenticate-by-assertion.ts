import { createHash } from 'node:crypto'
import { compactVerify, decodeJwt, decodeProtectedHeader, type JWTHeaderParameters, type JWTPayload } from 'jose'
import type { AssertionTrust } from '../../lib/assertion-trust.js'
import { fieldError, LatchkeyError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import type { KnownClient } from '../../postgres/clients.js'
import type { AuthContext, Caller } from '../context.js'

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

export interface ClientAssertion {
  /** The `client_id` of the request. */
  clientId: string | undefined
  /** A signed JWT. */
  assertion: string
}

/** Why an assertion is refused: for the log and the security event, never for the answer. */
export type AssertionRefusal =
  | 'malformed'
  | 'client_unknown'
  | 'no_assertion_registered'
  | 'type_not_allowed'
  | 'algorithm_not_allowed'
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

type Context = Pick<AuthContext, 'db' | 'config' | 'issuerKeys' | 'recordEvent' | 'eventThrottle'>

/**
 * Authenticates a client by a signed assertion (RFC 7523, 3): its own, or a token of the issuer that is registered for it.
 * What can be checked without a key is checked first, so that only an assertion with the right claims can cause a request
 * to the issuer. Its use is recorded last, so that only a genuine assertion is recorded.
 *
 * @throws LatchkeyError invalid_client, invalid_request, client_keys_unavailable
 */
export async function authenticateByAssertion(
  context: Context,
  { clientId, assertion }: ClientAssertion,
  caller: Caller = {},
): Promise<KnownClient> {
  const { header, claims } = decode(assertion)
  const id = clientId ?? claims.sub
  // Subjects of other issuers are not unique, so several clients can have the same.
  if (clientId === undefined && !isUuid(id ?? ''))
    throw fieldError('invalid_request', 'client_id', 'is required with an assertion of another issuer')
  const client = isUuid(id ?? '') ? await context.db.clients.find(id!) : undefined
  if (!client) throw refusal('client_unknown')
  const reason = await findRefusal(context, client, { assertion, header, claims })
  if (reason === undefined) return client
  recordRefusedAssertion(context, client, reason, caller)
  throw refusal(reason, client)
}

interface DecodedAssertion {
  assertion: string
  header: JWTHeaderParameters
  claims: JWTPayload
}

function decode(assertion: string): Omit<DecodedAssertion, 'assertion'> {
  try {
    const claims = decodeJwt(assertion)
    if (claims.jti !== undefined && typeof claims.jti !== 'string') throw new TypeError('jti must be a text')
    return { header: decodeProtectedHeader(assertion) as JWTHeaderParameters, claims }
  } catch {
    throw refusal('malformed')
  }
}

async function findRefusal(
  { db, config, issuerKeys }: Context,
  client: KnownClient,
  { assertion, header, claims }: DecodedAssertion,
): Promise<AssertionRefusal | undefined> {
  const trust = client.assertion
  if (!trust) return 'no_assertion_registered'
  const early =
    refusalOfHeader(header) ??
    refusalOfNames(trust, client.id, claims) ??
    refusalOfAudience(trust, config.issuer, claims.aud) ??
    refusalOfTimes(trust, claims, client.issuedAt)
  if (early) return early
  const key = await issuerKeys.find(trust.keys, header)
  if (!key) return 'key_unknown'
  try {
    await compactVerify(assertion, key, { algorithms: ASSERTION_ALGORITHMS })
  } catch {
    return 'wrong_signature'
  }
  const isReusable = trust.kind === 'issuer' && !trust.oneTime
  // Without an id nothing tells apart two tokens of an issuer, and the same token may come again.
  if (isReusable && claims.jti === undefined) return undefined
  const contentHash = sha256(assertion.slice(0, assertion.lastIndexOf('.')))
  const idHash = claims.jti === undefined ? contentHash : sha256(claims.jti)
  const expiresAt = claims.exp! + LEEWAY_SECONDS
  const isFirst = await db.usedAssertions.use({ clientId: client.id, idHash, contentHash, expiresAt, isReusable })
  return isFirst ? undefined : 'used_before'
}

/** A JWT that says it is something else, such as an access token that the same key signed, is no assertion (RFC 8725, 3.11). */
const TYPES = new Set(['jwt', 'client-authentication+jwt'])

function refusalOfHeader({ alg, typ }: JWTHeaderParameters): AssertionRefusal | undefined {
  if (typ !== undefined && !(typeof typ === 'string' && TYPES.has(typ.toLowerCase().replace(/^application\//, ''))))
    return 'type_not_allowed'
  return ASSERTION_ALGORITHMS.includes(alg) ? undefined : 'algorithm_not_allowed'
}

function refusalOfNames(
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
function refusalOfAudience(
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
/** An assertion of the client's own is made for one request. */
const OWN_LIFETIME_SECONDS = 10 * 60
/** Kubernetes renews a token daily at least; one that lasts longer was not made for a pod. */
const ISSUED_LIFETIME_SECONDS = 24 * 60 * 60

function refusalOfTimes(
  { kind }: AssertionTrust,
  { exp, nbf, iat }: Record<string, unknown>,
  now: number,
): AssertionRefusal | undefined {
  if (typeof exp !== 'number') return 'no_expiry'
  if (exp + LEEWAY_SECONDS <= now) return 'expired'
  const lifetime = kind === 'issuer' ? ISSUED_LIFETIME_SECONDS : OWN_LIFETIME_SECONDS
  const since = Math.min(typeof iat === 'number' ? iat : now, now)
  if (exp > since + lifetime + LEEWAY_SECONDS) return 'expires_too_late'
  for (const instant of [nbf, iat]) {
    if (instant === undefined) continue
    if (typeof instant !== 'number' || instant > now + LEEWAY_SECONDS) return 'not_yet_valid'
  }
  return undefined
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** The answer is the same for every reason, so that it does not show an attacker what is still wrong. */
function refusal(reason: AssertionRefusal, client?: KnownClient): LatchkeyError {
  return new LatchkeyError('invalid_client', {
    detail: 'The client assertion is not accepted.',
    reason,
    concerns: { clientId: client?.id },
  })
}

/** Once in ten minutes for the same reason: anyone can send invalid assertions. */
function recordRefusedAssertion(
  { recordEvent, eventThrottle }: Context,
  { id }: KnownClient,
  reason: AssertionRefusal,
  caller: Caller,
): void {
  if (!eventThrottle.allows(`client_assertion_refused:${id}:${reason}`)) return
  recordEvent({ ...caller, type: 'client_assertion_refused', actor: 'system', details: { client_id: id, reason } })
}
