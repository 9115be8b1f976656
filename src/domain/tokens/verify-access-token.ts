import { LRUCache } from 'lru-cache'
import { LatchkeyError } from '../../lib/errors.js'
import type { Activity } from '../../redis/activity.js'
import type { RevocationList } from '../../revocations/revocation-list.js'
import type { Keyring } from '../keys/keyring.js'
import { ACCESS_TOKEN_TYPE, type Principal, principalOf } from './access-token.js'

export interface AccessTokenVerifierOptions {
  issuer: string
  audience: string
  keyring: Pick<Keyring, 'forKid' | 'onDropped'>
  revocations: Pick<RevocationList, 'refuses' | 'accountEndOf'>
  /** Milliseconds since the epoch. */
  clock(): number
  /** How many verified tokens are cached. */
  cacheSize?: number
}

export interface AccessTokenVerifier {
  /**
   * Returns the principal of a live access token.
   *
   * @throws LatchkeyError token_invalid, token_expired, token_revoked, token_stale
   */
  verify(token: string): Promise<Principal>
  /**
   * Does the same synchronously for a token whose signature was checked before. Returns undefined for any other token.
   *
   * @throws LatchkeyError token_expired, token_revoked, token_stale
   */
  verifyKnown(token: string): Principal | undefined
  /**
   * Returns the principal of a token with a valid signature, even if it is expired or revoked. Only for ending its own
   * session.
   *
   * @throws LatchkeyError token_invalid, and token_stale if the key was revoked: its tokens prove nothing
   */
  identify(token: string): Promise<Principal>
}

/** Allowed difference between clocks for `nbf`. `exp` has no tolerance: clients refresh well before it. */
const CLOCK_TOLERANCE_SECONDS = 30

/**
 * Verifies the access tokens of users (RFC 9068, 4; RFC 8725). The signature of a token is checked once; its expiry and
 * its revocation are checked at every call, so that a cached token costs two look-ups.
 */
export function createAccessTokenVerifier(options: AccessTokenVerifierOptions): AccessTokenVerifier {
  /** The key is the end of the token, part of the signature: it is unique, and faster to hash than the whole token. */
  const verified = new LRUCache<string, { token: string; principal: Principal }>({ max: options.cacheSize ?? 10_000 })

  options.keyring.onDropped(kid => {
    for (const [end, { principal }] of verified.entries()) if (principal.kid === kid) verified.delete(end)
  })

  function findCached(token: string): Principal | undefined {
    const known = verified.get(endOf(token))
    return known?.token === token ? known.principal : undefined
  }

  async function identify(token: string): Promise<Principal> {
    const known = findCached(token)
    if (known) return known
    const { kid, claims } = await verifySignature(options.keyring, token, options.clock())
    const principal = principalOf(claims, kid)
    if (!principal || !isForThisService(claims)) throw new LatchkeyError('token_invalid')
    verified.set(endOf(token), { token, principal })
    return principal
  }

  function isForThisService({ iss, aud, nbf }: Record<string, unknown>): boolean {
    if (iss !== options.issuer || aud !== options.audience) return false
    return nbf === undefined || (Number.isSafeInteger(nbf) && (nbf as number) <= nowSeconds() + CLOCK_TOLERANCE_SECONDS)
  }

  function nowSeconds(): number {
    return options.clock() / 1000
  }

  function requireValid(token: string, principal: Principal): Principal {
    const { tokenType, userId, sessionId, clientId } = principal
    const details = () => ({ tokenType, concerns: { userId, sessionId, clientId } })
    if (principal.expiresAt <= nowSeconds()) {
      verified.delete(endOf(token))
      throw new LatchkeyError('token_expired', details())
    }
    const refusal = options.revocations.refuses(principal)
    if (refusal === 'stale') throw new LatchkeyError('token_stale', details())
    if (refusal === 'revoked')
      throw new LatchkeyError('token_revoked', { ...details(), account: options.revocations.accountEndOf(principal) })
    return principal
  }

  return {
    async verify(token) {
      return requireValid(token, await identify(token))
    },
    verifyKnown(token) {
      const principal = findCached(token)
      return principal && requireValid(token, principal)
    },
    identify,
  }
}

function endOf(token: string): string {
  return token.slice(-32)
}

/**
 * Verifies the access token of a user and records that its session was active.
 *
 * @throws LatchkeyError token_invalid, token_expired, token_revoked, token_stale
 */
export async function verifyAccessToken(
  { accessTokens, activity }: { accessTokens: AccessTokenVerifier; activity: Pick<Activity, 'record'> },
  token: string,
): Promise<Principal> {
  const principal = await accessTokens.verify(token)
  activity.record(principal.sessionId, principal.generation)
  return principal
}

/**
 * Checks the form of an access token, and its signature with the key that its header names and with that key's only
 * algorithm (RFC 8725, 3.1). It does not check issuer, audience, expiry and revocation.
 *
 * @param nowMs milliseconds since the epoch
 * @throws LatchkeyError token_invalid, and token_stale if the key was revoked
 */
export async function verifySignature(
  keyring: Pick<Keyring, 'forKid'>,
  token: string,
  nowMs: number,
): Promise<{ kid: string; claims: Record<string, unknown> }> {
  const header = readAccessTokenHeader(token)
  const key = header && (await keyring.forKid(header.kid, nowMs))
  if (!header || key?.alg !== header.alg) throw new LatchkeyError('token_invalid')
  try {
    return { kid: key.kid, claims: key.verify(token) }
  } catch (cause) {
    throw new LatchkeyError('token_invalid', { cause })
  }
}

/** The header of a well-formed access token. */
export interface AccessTokenHeader {
  alg: string
  kid: string
}

const MAX_LENGTH = 4096
const CANONICAL = /^[A-Za-z0-9_-]+$/
/** The only members of a header. Any other (`jku`, `x5u`, `jwk`, `crit`, `b64` …) can only come from an attacker. */
const HEADER_MEMBERS = new Set(['alg', 'kid', 'typ'])

/**
 * Checks the form of an access token before any library parses it: three parts of canonical base64url, and a header of
 * exactly `alg`, `kid` and `typ: at+jwt` (RFC 8725, 3; RFC 9068, 2.1). Undefined if the form is wrong.
 */
export function readAccessTokenHeader(token: string): AccessTokenHeader | undefined {
  if (token.length > MAX_LENGTH) return undefined
  const parts = token.split('.', 4)
  if (parts.length !== 3 || !parts.every(isCanonical)) return undefined
  const header = parseObject(parts[0]!)
  if (!header || header.typ !== ACCESS_TOKEN_TYPE) return undefined
  if (typeof header.alg !== 'string' || typeof header.kid !== 'string' || header.kid === '') return undefined
  if (!Object.keys(header).every(member => HEADER_MEMBERS.has(member))) return undefined
  return { alg: header.alg, kid: header.kid }
}

/** Refuses a text with extra bits that decoding ignores: it would be a second spelling of the same token. */
function isCanonical(part: string): boolean {
  return CANONICAL.test(part) && Buffer.from(part, 'base64url').toString('base64url') === part
}

function parseObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
