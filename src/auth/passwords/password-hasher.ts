import { randomBytes } from 'node:crypto'
import pLimit from 'p-limit'
import { LatchkeyError } from '../../errors.js'
import { argon2id } from './argon2id.js'
import { normalizePassword } from './normalize-password.js'
import type { PasswordScheme } from './password-scheme.js'

export interface PasswordHasherOptions {
  /** Hashes that run at a time: one for each core that the container may use. */
  concurrency: number
  /** Hashes that may wait for a place, beyond those that run. */
  queue: number
  /** Told why a stored hash could not be checked, never the hash itself. Its owner can't sign in until it is reset. */
  onDamagedHash?: ((error: Error) => void) | undefined
}

/**
 * The only door to password hashing, so that a flood of logins costs a bounded part of the machine. Each method
 * normalises the password, and rejects with `busy` at once when every place, running and waiting, is taken.
 */
export interface PasswordHasher {
  /** A new hash of the password, in the scheme and at the cost of today. */
  hash(password: string): Promise<string>
  /** Whether the password made this hash. A damaged hash matches nothing, and takes as long to say so. */
  verify(storedHash: string, password: string): Promise<boolean>
  /** What `verify` costs, for a user who does not exist. */
  verifyNobody(password: string): Promise<false>
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
 * @see OWASP ASVS 5.0, 15.2.2 (floods) and 6.3.8 (unknown users can't be told by the time).
 */
export function createPasswordHasher({ concurrency, queue, onDamagedHash }: PasswordHasherOptions): PasswordHasher {
  const limit = pLimit(concurrency)
  const nobodysHash = argon2id.hashSync(randomBytes(32).toString('base64url'))

  const takePlace = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (limit.activeCount + limit.pendingCount >= concurrency + queue) {
      throw new LatchkeyError('busy', { retryAfterSeconds: 1 })
    }
    return limit(work)
  }

  const matchNobody = async (password: string): Promise<false> => {
    await argon2id.verify(nobodysHash, password)
    return false
  }

  return {
    hash: password => takePlace(() => argon2id.hash(normalizePassword(password))),

    verify: (storedHash, password) =>
      takePlace(async () => {
        const normalized = normalizePassword(password)
        try {
          return await schemeOf(storedHash).verify(storedHash, normalized)
        } catch (error) {
          onDamagedHash?.(error as Error)
          return matchNobody(normalized)
        }
      }),

    // Hash anyway, so that timing hides unknown users.
    verifyNobody: password => takePlace(() => matchNobody(normalizePassword(password))),

    needsUpgrade: storedHash => argon2id.isWeaker(storedHash),

    get pending() {
      return limit.activeCount + limit.pendingCount
    },
  }
}

/** Every scheme whose hashes verify; new hashes are argon2id. */
const schemes: readonly PasswordScheme[] = [argon2id]

function schemeOf(storedHash: string): PasswordScheme {
  const scheme = schemes.find(candidate => candidate.matches(storedHash))
  if (!scheme) throw new TypeError('the stored password hash is of no scheme that this service knows')
  return scheme
}
