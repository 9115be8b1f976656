import { randomBytes } from 'node:crypto'
import pLimit from 'p-limit'
import { LatchkeyError } from '../../lib/errors.js'
import { normalizePassword } from '../../lib/normalize.js'
import { argon2id } from './argon2id.js'
import { schemeOf, UNUSABLE_HASH } from './hash-formats.js'

export interface PasswordHasherOptions {
  /** Hashes that run at a time: one for each core that the container may use. */
  concurrency: number
  /** Hashes that may wait for a place, beyond those that run. */
  queue: number
  /** Told why a stored hash could not be checked, never the hash itself. Its owner can't sign in until it is reset. */
  onDamagedHash?: ((error: Error) => void) | undefined
  /** Told of each verification by how its kind of hash begins. Waiting for a place does not count. */
  onVerified?: ((kind: string, tookMs: number) => void) | undefined
}

/**
 * The only door to password hashing, so that a flood of logins costs a bounded part of the machine. Each method
 * normalises the password, and rejects with `busy` at once when every place, running and waiting, is taken. There are as
 * many places again for who is known to have been let in before: a flood of outsiders can't take them.
 */
export interface PasswordHasher {
  /** A new hash of the password, in the scheme and at the cost of today. */
  hash(password: string, isKnown?: boolean): Promise<string>
  /** Whether the password made this hash. A damaged hash matches nothing. */
  verify(storedHash: string, password: string, isKnown?: boolean): Promise<boolean>
  /** No, after the work of a hash of today, for a user who does not exist. */
  verifyDummyHash(password: string): Promise<false>
  /** Whether the hash is to be made anew at the next sign-in, while the password is at hand. */
  needsUpgrade(storedHash: string): boolean
  /** Hashes that run or wait now. */
  readonly pending: number
}

/**
 * Opens the password room.
 *
 * A place is held until the native hash has finished. There is no way to cancel one: native work can't be stopped, so
 * a client that hangs up must not make room for its next attempt.
 *
 * @see OWASP ASVS 5.0, 15.2.2 (floods).
 */
export function createPasswordHasher(options: PasswordHasherOptions): PasswordHasher {
  const { concurrency, queue, onDamagedHash, onVerified } = options
  const limit = pLimit(concurrency)
  const dummyHash = argon2id.hashSync(randomBytes(32).toString('base64url'))

  const runLimited = async <Result>(work: () => Promise<Result>, isKnown = false): Promise<Result> => {
    const places = (concurrency + queue) * (isKnown ? 2 : 1)
    if (limit.activeCount + limit.pendingCount >= places) {
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

  const verify = (storedHash: string, password: string, isKnown?: boolean) =>
    runLimited(() => matches(storedHash, password), isKnown)

  return {
    hash: (password, isKnown) => runLimited(() => argon2id.hash(normalizePassword(password)), isKnown),

    verify,

    // Nobody's password is random, so this can't be true.
    verifyDummyHash: async password => (await verify(dummyHash, password)) && false,

    needsUpgrade: storedHash => argon2id.isWeaker(storedHash),

    get pending() {
      return limit.activeCount + limit.pendingCount
    },
  }
}
