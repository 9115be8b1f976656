import { type Principal, principalOf } from './principal.js'
import { RecentlyUsed } from './recently-used.js'
import type { TokenFacts } from './revocation-list.js'
import type { VerificationKey } from './signature.js'
import { readAccessTokenHeader } from './token-form.js'

/** What finds the key that a token names. */
export interface KeySource {
  /**
   * The key with this kid, or undefined if there is none. What it throws is passed on: for example that the key was
   * revoked, or that the keys cannot be read.
   *
   * @param nowMs milliseconds since the epoch
   */
  forKid(kid: string, nowMs: number): Promise<VerificationKey | undefined>
}

/** Why a token with a valid signature is refused. `undecided`: the list is too old to say that it is not revoked. */
export type Refusal = 'expired' | 'revoked' | 'stale' | 'undecided'

export interface TokenVerifierOptions {
  issuer: string
  audience: string
  /** The claim that contains the claims of the application. */
  claimsNamespace?: string | undefined
  keys: KeySource
  revocations: { refuses(token: TokenFacts): 'revoked' | 'stale' | 'undecided' | undefined }
  /** Milliseconds since the epoch. */
  clock(): number
  /** How many verified tokens are kept; 10,000 by default. */
  cacheSize?: number | undefined
}

/** Allowed difference between clocks for `nbf`. `exp` has no tolerance: clients refresh well before it. */
const NBF_TOLERANCE_SECONDS = 30

const DEFAULT_CACHE_SIZE = 10_000

/**
 * Verifies the access tokens of users (RFC 9068, 4; RFC 8725). The signature of a token is checked once; its expiry and
 * its revocation are judged at every use, so that a known token costs a few look-ups in maps. It throws no error of its
 * own: results are principals and named outcomes, and the caller makes its errors from them.
 */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions
  /** The key is the end of the token, part of the signature: it is unique, and faster to hash than the whole token. */
  readonly #known: RecentlyUsed<string, { token: string; principal: Principal }>

  constructor(options: TokenVerifierOptions) {
    this.#options = options
    this.#known = new RecentlyUsed(options.cacheSize ?? DEFAULT_CACHE_SIZE)
  }

  /** The principal of a token whose signature was checked before. It must still be judged. */
  findKnown(token: string): Principal | undefined {
    const known = this.#known.get(endOf(token))
    return known?.token === token ? known.principal : undefined
  }

  /**
   * The principal of a token with a valid signature for this issuer and this audience, even if it has expired or was
   * revoked; undefined for any other token. Rejects only with what the source of the keys throws.
   */
  async identify(token: string): Promise<Principal | undefined> {
    const known = this.findKnown(token)
    if (known) return known
    const { keys, clock } = this.#options
    const verified = await verifySignature(keys, token, clock())
    if (!verified || !this.#isForThisAudience(verified.claims)) return undefined
    const principal = principalOf(verified.claims, verified.kid, this.#options.claimsNamespace)
    if (principal) this.#known.set(endOf(token), { token, principal })
    return principal
  }

  /** Why a token that was identified is refused now; undefined if it is valid. */
  judge(token: string, principal: Principal): Refusal | undefined {
    if (principal.expiresAt <= this.#options.clock() / 1000) {
      this.#known.delete(endOf(token))
      return 'expired'
    }
    return this.#options.revocations.refuses(principal)
  }

  /** Forgets the tokens that were verified with a key. */
  forgetKey(kid: string): void {
    this.#known.deleteWhere(({ principal }) => principal.kid === kid)
  }

  #isForThisAudience({ iss, aud, nbf }: Record<string, unknown>): boolean {
    const { issuer, audience, clock } = this.#options
    if (iss !== issuer || aud !== audience) return false
    return nbf === undefined || (Number.isSafeInteger(nbf) && (nbf as number) <= clock() / 1000 + NBF_TOLERANCE_SECONDS)
  }
}

/**
 * Checks the form of an access token, and its signature with the key that its header names and with that key's only
 * algorithm (RFC 8725, 3.1). It does not check issuer, audience, expiry and revocation.
 *
 * @param nowMs milliseconds since the epoch
 * @returns undefined if the token is not one, or was not signed with a known key
 */
export async function verifySignature(
  keys: KeySource,
  token: string,
  nowMs: number,
): Promise<{ kid: string; claims: Record<string, unknown> } | undefined> {
  const header = readAccessTokenHeader(token)
  if (!header) return undefined
  const key = await keys.forKid(header.kid, nowMs)
  if (key?.alg !== header.alg) return undefined
  const claims = key.verify(token)
  return claims && { kid: key.kid, claims }
}

function endOf(token: string): string {
  return token.slice(-32)
}
