import { X509Certificate } from 'node:crypto'
import { importJWK } from 'jose'
import type { AssertionTrust, KeySource, PublicJwkSet } from '../../lib/assertion-trust.js'
import { fieldError } from '../../lib/errors.js'
import { addressProblem } from '../../lib/issuer-address.js'
import { algorithmsOf, ambiguityIn, publicKeyProblem } from '../../lib/public-jwk.js'

/** How a client authenticates without a secret, as an operator writes it. */
export interface GivenAssertion {
  /** A JWK Set, or one JWK. */
  jwks?: unknown
  jwksUri?: string | undefined
  issuer?: string | undefined
  subject?: string | undefined
  audiences?: readonly string[] | undefined
  /** PEM. */
  ca?: string | undefined
  oneTime?: boolean | undefined
  allowDefaultAccount?: boolean | undefined
}

/**
 * Checks how a client shall authenticate without a secret.
 *
 * @throws LatchkeyError invalid_client_assertion, which names the field
 */
export async function readAssertionTrust(given: GivenAssertion): Promise<AssertionTrust> {
  const { issuer, subject, jwks, jwksUri, oneTime = false, allowDefaultAccount = false } = given
  if (jwks !== undefined && jwksUri !== undefined) refuse('jwks', 'and jwks_uri cannot both be given')
  const audiences = readAudiences(given.audiences)
  if (issuer === undefined && subject === undefined) {
    if (jwks === undefined && jwksUri === undefined) refuse('jwks', 'is required, or jwks_uri, or issuer and subject')
    if (oneTime)
      refuse('one_time', 'is only for tokens of an issuer: an assertion of the client itself is always accepted once')
    if (allowDefaultAccount) refuse('allow_default_account', 'is only for the service accounts of an issuer')
    return { kind: 'private_key', keys: await readKeys(given), ...audiences }
  }
  if (issuer === undefined) refuse('issuer', 'is required with subject')
  if (subject === undefined) refuse('subject', 'is required with issuer')
  if (issuer === '' || issuer.length > MAX_LENGTH) refuse('issuer', `must have 1 to ${MAX_LENGTH} characters`)
  if (/\s/.test(issuer)) refuse('issuer', 'must not contain a space')
  checkSubject(subject, allowDefaultAccount)
  return { kind: 'issuer', issuer, subject, keys: await readKeys(given), oneTime, ...audiences }
}

const MAX_LENGTH = 1000
const MAX_AUDIENCES = 10
const MAX_KEYS = 20
const MAX_CA_BYTES = 64 * 1024

function readAudiences(given: readonly string[] | undefined): { audiences?: string[] } {
  if (given === undefined || given.length === 0) return {}
  if (given.length > MAX_AUDIENCES || given.some(audience => audience === '' || audience.length > MAX_LENGTH))
    refuse('audience', `must be 1 to ${MAX_AUDIENCES} texts of at most ${MAX_LENGTH} characters`)
  for (const audience of given) checkEnds('audience', audience)
  return { audiences: [...new Set(given)] }
}

/** Claims are compared as a whole. Issuers make no claims with such spaces, but people copy them. */
function checkEnds(field: string, text: string): void {
  if (text.trim() !== text) refuse(field, 'must not begin or end with a space')
}

const KUBERNETES = 'system:serviceaccount:'
const SERVICE_ACCOUNT =
  /^system:serviceaccount:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?:[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/

/** Subjects are compared as a whole. A pattern would admit accounts that do not exist yet. */
function checkSubject(subject: string, allowDefaultAccount: boolean): void {
  if (subject.trim() === '' || subject.length > MAX_LENGTH) refuse('subject', `must have 1 to ${MAX_LENGTH} characters`)
  checkEnds('subject', subject)
  if (subject.includes('*')) refuse('subject', 'must be one exact subject: patterns are not supported')
  if (!subject.startsWith(KUBERNETES)) return
  if (!SERVICE_ACCOUNT.test(subject)) refuse('subject', 'must be system:serviceaccount:<namespace>:<name>')
  if (subject.endsWith(':default') && !allowDefaultAccount)
    refuse(
      'subject',
      'is the default account, which every pod of the namespace has that names no other: create a service account, or allow the default account explicitly',
    )
}

async function readKeys({ jwks, jwksUri, issuer, ca }: GivenAssertion): Promise<KeySource> {
  if (jwks !== undefined) {
    if (ca !== undefined) refuse('ca', 'is only for keys that are fetched')
    return { jwks: await readPublicKeys(jwks) }
  }
  const address = jwksUri ?? issuer!
  const problem = addressProblem(address)
  if (problem !== undefined) refuse(jwksUri === undefined ? 'issuer' : 'jwks_uri', problem)
  const trusted = ca === undefined ? {} : { ca: readCertificates(ca) }
  return jwksUri === undefined ? { issuer: address, ...trusted } : { jwksUri: address, ...trusted }
}

function readCertificates(pem: string): string {
  try {
    if (Buffer.byteLength(pem) > MAX_CA_BYTES) throw new Error('too large')
    // The class reads the first certificate only.
    for (const [certificate] of pem.matchAll(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g))
      new X509Certificate(certificate)
    new X509Certificate(pem)
    return pem
  } catch {
    return refuse('ca', 'must be certificates as PEM')
  }
}

async function readPublicKeys(given: unknown): Promise<PublicJwkSet> {
  const keys = isObject(given) && 'keys' in given ? given.keys : [given]
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_KEYS)
    refuse('jwks', `must be a JWK Set with 1 to ${MAX_KEYS} public keys`)
  for (const key of keys) await checkPublicKey(key)
  const ambiguity = ambiguityIn(keys)
  if (ambiguity !== undefined) refuse('jwks', ambiguity)
  return { keys: keys as PublicJwkSet['keys'] }
}

/** @throws LatchkeyError that says what is wrong, without any part of the key */
async function checkPublicKey(key: unknown): Promise<void> {
  if (!isObject(key)) return refuse('jwks', 'must be a JWK Set (RFC 7517): {"keys":[…]}')
  const problem = publicKeyProblem(key)
  if (problem !== undefined) return refuse('jwks', problem)
  try {
    await importJWK(key, algorithmsOf(key)[0])
  } catch {
    return refuse('jwks', 'contains a key whose numbers are wrong: export it again')
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refuse(field: string, message: string): never {
  throw fieldError('invalid_client_assertion', field, message, { detail: `${field} ${message}.` })
}
