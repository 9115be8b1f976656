import {
  type AccountEnd,
  type KeySource,
  type Pauses,
  type Principal,
  type TokenFacts,
  TokenVerifier,
  verifySignature as verifyAnySignature,
} from '@latchkey/verifier/core'
import { LatchkeyError } from '../../lib/errors.js'
import { tokenChecks } from '../../lib/measurements.js'
import type { Activity } from '../../redis/activity.js'
import type { Keyring } from '../keys/keyring.js'

export interface AccessTokenVerifierOptions {
  issuer: string
  audience: string
  keyring: Pick<Keyring, 'forKid' | 'onDropped'>
  revocations: {
    refuses(token: TokenFacts): 'revoked' | 'stale' | 'undecided' | undefined
    accountEndOf(token: TokenFacts): AccountEnd | undefined
    pauses?: Pick<Pauses, 'isBehind' | 'catchUp'>
  }
  /** Milliseconds since the epoch. */
  clock(): number
  /** How many verified tokens are cached. */
  cacheSize?: number
}

export interface AccessTokenVerifier {
  /**
   * Returns the principal of a live access token.
   *
   * @throws LatchkeyError token_invalid, token_expired, token_revoked, token_stale, revocations_stale
   */
  verify(token: string): Promise<Principal>
  /**
   * Does the same synchronously for a token whose signature was checked before. Returns undefined for any other token,
   * and after a pause of this process, until what was revoked meanwhile is known.
   *
   * @throws LatchkeyError token_expired, token_revoked, token_stale, revocations_stale
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

/**
 * Verifies the access tokens of users, with the code that other services verify with, and makes the errors of this
 * service from its results.
 */
export function createAccessTokenVerifier(options: AccessTokenVerifierOptions): AccessTokenVerifier {
  const { keyring, revocations } = options
  const verifier = new TokenVerifier({ ...options, keys: keyring, clock: () => options.clock() })
  keyring.onDropped(kid => verifier.forgetKey(kid))

  async function identify(token: string): Promise<Principal> {
    const principal = await verifier.identify(token)
    if (!principal) throw new LatchkeyError('token_invalid')
    return principal
  }

  function requireValid(token: string, principal: Principal): Principal {
    const refusal = verifier.judge(token, principal)
    tokenChecks.report(refusal ?? 'valid')
    if (refusal === undefined) return principal
    if (refusal === 'undecided') throw revocationsStale()
    const { tokenType, userId, sessionId, clientId } = principal
    const details = { tokenType, concerns: { userId, sessionId, clientId } }
    if (refusal === 'revoked')
      throw new LatchkeyError('token_revoked', { ...details, account: revocations.accountEndOf(principal) })
    throw new LatchkeyError(refusal === 'expired' ? 'token_expired' : 'token_stale', details)
  }

  return {
    async verify(token) {
      const principal = await identify(token).catch((error: unknown) => {
        // The key of a stale one was revoked.
        tokenChecks.report(error instanceof LatchkeyError && error.code === 'token_stale' ? 'stale' : 'invalid')
        throw error
      })
      if (revocations.pauses?.isBehind) await revocations.pauses.catchUp()
      return requireValid(token, principal)
    },
    verifyKnown(token) {
      const principal = verifier.findKnown(token)
      return principal && !revocations.pauses?.isBehind ? requireValid(token, principal) : undefined
    },
    identify,
  }
}

/** The list of revocations is too old to decide: no token is verified with it. */
export function revocationsStale(): LatchkeyError {
  return new LatchkeyError('revocations_stale', { retryAfterSeconds: 1 })
}

/**
 * Verifies the access token of a user and records that its session was active.
 *
 * @throws LatchkeyError token_invalid, token_expired, token_revoked, token_stale, revocations_stale
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
 * Checks the form of a token and its signature; not its issuer, audience, expiry and revocation.
 *
 * @param nowMs milliseconds since the epoch
 * @throws LatchkeyError token_invalid, and token_stale if the key was revoked
 */
export async function verifySignature(
  keys: KeySource,
  token: string,
  nowMs: number,
): Promise<{ kid: string; claims: Record<string, unknown> }> {
  const verified = await verifyAnySignature(keys, token, nowMs)
  if (!verified) throw new LatchkeyError('token_invalid')
  return verified
}
