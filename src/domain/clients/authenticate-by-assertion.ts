import { createHash } from 'node:crypto'
import { compactVerify, decodeJwt, decodeProtectedHeader, type JWTHeaderParameters, type JWTPayload } from 'jose'
import { fieldError, LatchkeyError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import type { KnownClient } from '../../postgres/clients.js'
import type { UsedAssertion } from '../../postgres/used-assertions.js'
import type { AuthContext, Caller } from '../context.js'
import {
  ASSERTION_ALGORITHMS,
  type AssertionRefusal,
  acceptedUntil,
  refusalOfAudience,
  refusalOfHeader,
  refusalOfNames,
  refusalOfTimes,
} from './assertion-checks.js'

export interface ClientAssertion {
  /** The `client_id` of the request. */
  clientId: string | undefined
  /** A signed JWT. */
  assertion: string
}

type Context = Pick<AuthContext, 'db' | 'config' | 'issuerKeys' | 'recordEvent' | 'eventThrottle'>

/** A genuine assertion. It authenticates the client only after {@link useAssertion}. */
export interface VerifiedAssertion {
  client: KnownClient
  /** What identifies it; undefined if it can be used again and again. */
  use: UsedAssertion | undefined
}

/**
 * Authenticates a client by a signed assertion (RFC 7523, 3): its own, or a token of the issuer that is registered for it.
 *
 * @throws LatchkeyError invalid_client, invalid_request, client_keys_unavailable
 */
export async function authenticateByAssertion(
  context: Context,
  given: ClientAssertion,
  caller: Caller = {},
): Promise<KnownClient> {
  const verified = await verifyAssertion(context, given, caller)
  await useAssertion(context, verified, caller)
  return verified.client
}

/**
 * Verifies an assertion, except that it was not used before. What can be checked without a key is checked first, so that
 * only an assertion with the right claims can cause a request to the issuer.
 *
 * @throws LatchkeyError invalid_client, invalid_request, client_keys_unavailable
 */
export async function verifyAssertion(
  context: Context,
  { clientId, assertion }: ClientAssertion,
  caller: Caller = {},
): Promise<VerifiedAssertion> {
  const { header, claims } = decode(assertion)
  const id = clientId ?? claims.sub
  // Subjects of other issuers are not unique, so several clients can have the same.
  if (clientId === undefined && !isUuid(id ?? ''))
    throw fieldError('invalid_request', 'client_id', 'is required with an assertion of another issuer')
  const client = isUuid(id ?? '') ? await context.db.clients.find(id!) : undefined
  if (!client) throw refusal('client_unknown')
  const reason = await findRefusal(context, client, { assertion, header, claims })
  if (reason !== undefined) throw refuse(context, client, reason, caller)
  return { client, use: useOf(client, assertion, claims) }
}

/**
 * Records the use of a genuine assertion. It is the last check, so that only a genuine assertion is recorded, and so that
 * one that expired while the keys were read is refused.
 *
 * @throws LatchkeyError invalid_client if it was used before or has expired
 */
export async function useAssertion(
  context: Context,
  { client, use }: VerifiedAssertion,
  caller: Caller = {},
): Promise<void> {
  if (use === undefined) return
  const outcome = await context.db.usedAssertions.use(use)
  if (outcome !== 'recorded') throw refuse(context, client, outcome, caller)
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
  { config, issuerKeys }: Context,
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
  return undefined
}

function useOf(
  { id: clientId, assertion: trust }: KnownClient,
  assertion: string,
  { jti, exp }: JWTPayload,
): UsedAssertion | undefined {
  const isReusable = trust?.kind === 'issuer' && !trust.oneTime
  // Without an id nothing tells apart two tokens of an issuer, and the same token may come again.
  if (isReusable && jti === undefined) return undefined
  const contentHash = sha256(assertion.slice(0, assertion.lastIndexOf('.')))
  const idHash = jti === undefined ? contentHash : sha256(jti)
  return { clientId, idHash, contentHash, expiresAt: acceptedUntil(exp!), isReusable }
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

/** Records the reason, and returns the error. */
function refuse(context: Context, client: KnownClient, reason: AssertionRefusal, caller: Caller): LatchkeyError {
  recordRefusedAssertion(context, client, reason, caller)
  return refusal(reason, client)
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
