import { randomBytes } from 'node:crypto'
import pLimit from 'p-limit'
import { LatchkeyError } from '../../lib/errors.js'
import { refusedHashes } from '../../lib/measurements.js'
import { normalizePassword } from '../../lib/normalize.js'
import { argon2id } from './argon2id.js'
import { schemeOf, UNUSABLE_HASH } from './hash-formats.js'

export interface PasswordHasherOptions {
  /** How many hashes run at a time: one for each core that the container can use. */
  concurrency: number
  /** How many more hashes can wait. */
  queue: number
  /** Called if a stored hash cannot be verified; the error never contains it. Its user needs a password reset. */
  onDamagedHash?: ((error: Error) => void) | undefined
  /** Called after each verification, with the kind of the hash. The time does not include waiting in the queue. */
  onVerified?: ((kind: string, tookMs: number) => void) | undefined
}

/**
 * All password hashing goes through this, so that a flood of sign-ins uses a limited part of the machine. Each method
 * normalises the password, and rejects with `busy` at once if the queue is full. Known callers have the same number of
 * places again, which a flood of outsiders cannot use.
 */
export interface PasswordHasher {
  /** A new hash of the password, with the current scheme and cost. */
  hash(password: string, isKnownCaller?: boolean): Promise<string>
  /** Whether the password made this hash. A damaged hash matches nothing. */
  verify(storedHash: string, password: string, isKnownCaller?: boolean): Promise<boolean>
  /** Always false, after the work of a verification: for an unknown user. */
  verifyDummyHash(password: string): Promise<false>
  /** Whether the hash must be replaced at the next sign-in, when the password is known. */
  needsUpgrade(storedHash: string): boolean
  /** How many hashes run or wait now. */
  readonly pending: number
  /** How many of them run. */
  readonly running: number
}

/**
 * Creates the password hasher.
 *
 * A hash keeps its place until it has finished, even if the client closes the connection: native work cannot be
 * cancelled, so the client must not get another place for its next attempt.
 *
 * @see OWASP ASVS 5.0, 15.2.2 (floods).
 */
export function createPasswordHasher(options: PasswordHasherOptions): PasswordHasher {
  const { concurrency, queue, onDamagedHash, onVerified } = options
  const limit = pLimit(concurrency)
  const dummyHash = argon2id.hashSync(randomBytes(32).toString('base64url'))

  const runLimited = async <Result>(work: () => Promise<Result>, isKnownCaller = false): Promise<Result> => {
    const places = (concurrency + queue) * (isKnownCaller ? 2 : 1)
    if (limit.activeCount + limit.pendingCount >= places) {
      refusedHashes.report(undefined)
      throw new LatchkeyError('busy', { retryAfterSeconds: 1 })
    }
    return limit(work)
  }

  const matches = async (storedHash: string, password: string): Promise<boolean> => {
    const startedAtMs = performance.now()
    if (storedHash === UNUSABLE_HASH) return (await matches(dummyHash, password)) && false
    try {
      const { scheme, kind } = schemeOf(storedHash)
      const hashed = scheme.hashes === 'typed' ? password : normalizePassword(password)
      const isMatch = await scheme.verify(storedHash, hashed)
      onVerified?.(kind, performance.now() - startedAtMs)
      return isMatch
    } catch (error) {
      onDamagedHash?.(error as Error)
      await argon2id.verify(dummyHash, normalizePassword(password))
      return false
    }
  }

  const verify = (storedHash: string, password: string, isKnownCaller?: boolean) =>
    runLimited(() => matches(storedHash, password), isKnownCaller)

  return {
    hash: (password, isKnownCaller) => runLimited(() => argon2id.hash(normalizePassword(password)), isKnownCaller),

    verify,

    // The password of the dummy hash is random, so the verification cannot succeed.
    verifyDummyHash: async password => (await verify(dummyHash, password)) && false,

    needsUpgrade: storedHash => argon2id.isWeaker(storedHash),

    get pending() {
      return limit.activeCount + limit.pendingCount
    },
    get running() {
      return limit.activeCount
    },
  }
}
