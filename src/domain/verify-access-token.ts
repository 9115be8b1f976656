import { LRUCache } from 'lru-cache'
import { LatchkeyError } from '../lib/errors.js'
import type { Activity } from '../redis/activity.js'
import type { RevocationList } from '../revocations/revocation-list.js'
import { readAccessTokenHeader } from './access-token-form.js'
import type { Keyring } from './keys/keyring.js'
import { type Principal, principalOf } from './principal.js'

export interface AccessTokenVerifierOptions {
  issuer: string
  audience: string
  keyring: Pick<Keyring, 'forKid' | 'onDropped'>
  revocations: Pick<RevocationList, 'refuses' | 'accountEndOf'>
  /** Milliseconds since the epoch. */
  clock(): number
  /** How many verified tokens are remembered. */
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
 * its revocation are checked at every call, so that a known token costs two look-ups.
 */
export function createAccessTokenVerifier(options: AccessTokenVerifierOptions): AccessTokenVerifier {
  /** The key is the end of the token: it differs between tokens, and hashing it takes a fraction of the time. */
  const verified = new LRUCache<string, { token: string; principal: Principal }>({ max: options.cacheSize ?? 10_000 })

  options.keyring.onDropped(kid => {
    for (const [end, { principal }] of verified.entries()) if (principal.kid === kid) verified.delete(end)
  })

  function recall(token: string): Principal | undefined {
    const known = verified.get(endOf(token))
    return known?.token === token ? known.principal : undefined
  }

  async function identify(token: string): Promise<Principal> {
    const known = recall(token)
    if (known) return known
    const { kid, claims } = await verifySignature(options.keyring, token, options.clock())
    const principal = principalOf(claims, kid)
    if (!principal || !isMeantForUs(claims)) throw new LatchkeyError('token_invalid')
    verified.set(endOf(token), { token, principal })
    return principal
  }

  function isMeantForUs({ iss, aud, nbf }: Record<string, unknown>): boolean {
    if (iss !== options.issuer || aud !== options.audience) return false
    return nbf === undefined || (Number.isSafeInteger(nbf) && (nbf as number) <= nowSeconds() + CLOCK_TOLERANCE_SECONDS)
  }

  function nowSeconds(): number {
    return options.clock() / 1000
  }

  function refuseDead(token: string, principal: Principal): Principal {
    const { dialect } = principal
    if (principal.expiresAt <= nowSeconds()) {
      verified.delete(endOf(token))
      throw new LatchkeyError('token_expired', { dialect })
    }
    const refusal = options.revocations.refuses(principal)
    if (refusal === 'stale') throw new LatchkeyError('token_stale', { dialect })
    if (refusal === 'revoked')
      throw new LatchkeyError('token_revoked', { dialect, account: options.revocations.accountEndOf(principal) })
    return principal
  }

  return {
    async verify(token) {
      return refuseDead(token, await identify(token))
    },
    verifyKnown(token) {
      const principal = recall(token)
      return principal && refuseDead(token, principal)
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
  { accessTokens, activity }: { accessTokens: AccessTokenVerifier; activity: Pick<Activity, 'saw'> },
  token: string,
): Promise<Principal> {
  const principal = await accessTokens.verify(token)
  activity.saw(principal.sessionId, principal.generation)
  return principal
}

/**
 * Checks that a token has the form of our access tokens and that the key its header names signed it, with that key's one
 * algorithm (RFC 8725, 3.1). It says nothing about issuer, audience, expiry and revocation.
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
