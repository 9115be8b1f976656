import { LRUCache } from 'lru-cache'
import { LatchkeyError } from '../errors.js'
import type { RevocationList } from '../revocations/revocation-list.js'
import { readAccessTokenHeader } from './access-token-form.js'
import { type Principal, principalOf } from './principal.js'

export interface AccessTokenVerifierOptions {
  issuer: string
  audience: string
  /**
   * The algorithm of a key that may verify now, looked for afresh if it is not known; undefined refuses the token.
   * Rejects with token_stale for a revoked key.
   */
  algorithmOf(kid: string): Promise<string | undefined>
  revocations: Pick<RevocationList, 'refuses' | 'accountEndOf'>
  /** Milliseconds since the epoch. */
  clock(): number
  /** How many verified tokens are remembered. */
  cacheSize?: number
}

/** Checks a token's signature with the key that its header names, and returns its claims; rejects if it is not valid. */
export type SignatureCheck = (token: string) => Promise<unknown>

export interface AccessTokenVerifier {
  /**
   * Says who a token's bearer is.
   *
   * @throws LatchkeyError token_invalid, token_expired, token_revoked, token_stale
   */
  verify(token: string, checkSignature: SignatureCheck): Promise<Principal>
  /**
   * The same at once for a token whose signature was checked before; undefined for any other.
   *
   * @throws LatchkeyError token_expired, token_revoked, token_stale
   */
  verifyKnown(token: string): Principal | undefined
  /**
   * Who the bearer of a genuine token is, expired or revoked though it may be: only ever to end its own session.
   *
   * @throws LatchkeyError token_invalid, and token_stale for a revoked key, whose tokens say nothing about anybody
   */
  identify(token: string, checkSignature: SignatureCheck): Promise<Principal>
  /** Forgets what a key verified. */
  dropKey(kid: string): void
}

/** How far clocks may be apart. An expired token is refused at once all the same: clients refresh well before. */
const CLOCK_TOLERANCE_SECONDS = 30

/**
 * Verifies access tokens (RFC 9068, 4; RFC 8725). A known token costs two look-ups: the signature is checked once, the
 * expiry and the revocations at every call.
 */
export function createAccessTokenVerifier(options: AccessTokenVerifierOptions): AccessTokenVerifier {
  /** By the end of the token: it differs from token to token, and is hashed in a fraction of the time. */
  const verified = new LRUCache<string, { token: string; principal: Principal }>({ max: options.cacheSize ?? 10_000 })

  function recall(token: string): Principal | undefined {
    const known = verified.get(endOf(token))
    return known?.token === token ? known.principal : undefined
  }

  async function identify(token: string, checkSignature: SignatureCheck): Promise<Principal> {
    const known = recall(token)
    if (known) return known
    const header = readAccessTokenHeader(token)
    if (!header || (await options.algorithmOf(header.kid)) !== header.alg) throw new LatchkeyError('token_invalid')
    const claims = await checkSignature(token).catch((cause: unknown) => {
      if (cause instanceof LatchkeyError) throw cause
      throw new LatchkeyError('token_invalid', { cause })
    })
    const principal = principalOf(claims, header.kid)
    if (!principal || !isMeantForUs(claims as Record<string, unknown>)) throw new LatchkeyError('token_invalid')
    verified.set(endOf(token), { token, principal })
    return principal
  }

  function isMeantForUs(claims: Record<string, unknown>): boolean {
    const { iss, aud, nbf } = claims
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
    async verify(token, checkSignature) {
      return refuseDead(token, await identify(token, checkSignature))
    },
    verifyKnown(token) {
      const principal = recall(token)
      return principal && refuseDead(token, principal)
    },
    identify,
    dropKey(kid) {
      for (const [end, { principal }] of verified.entries()) if (principal.kid === kid) verified.delete(end)
    },
  }
}

function endOf(token: string): string {
  return token.slice(-32)
}
