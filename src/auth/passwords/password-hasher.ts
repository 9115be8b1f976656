import { randomBytes } from 'node:crypto'
import pLimit from 'p-limit'
import { LatchkeyError } from '../../errors.js'
import { argon2id } from './argon2id.js'
import { createFailurePadding } from './failure-padding.js'
import { normalizePassword } from './normalize-password.js'
import { schemeOf } from './scheme-of.js'

export interface PasswordHasherOptions {
  /** Hashes that run at a time: one for each core that the container may use. */
  concurrency: number
  /** Hashes that may wait for a place, beyond those that run. */
  queue: number
  /** Told why a stored hash could not be checked, never the hash itself. Its owner can't sign in until it is reset. */
  onDamagedHash?: ((error: Error) => void) | undefined
  /** The kinds of hashes in the database that are not made here; by default none are. */
  otherKinds?: (() => Promise<readonly string[]>) | undefined
  /** Told when those kinds could not be read. */
  onUnknownKinds?: ((error: Error) => void) | undefined
}

/**
 * The only door to password hashing, so that a flood of logins costs a bounded part of the machine. Each method
 * normalises the password, and rejects with `busy` at once when every place, running and waiting, is taken.
 */
export interface PasswordHasher {
  /** A new hash of the password, in the scheme and at the cost of today. */
  hash(password: string): Promise<string>
  /**
   * Whether the password made this hash. A damaged hash matches nothing. Every no takes as long as one of the slowest
   * kind of hash in the database would.
   *
   * @param mayPass says no in its turn, to whoever is refused with the right password too: they must not be told sooner
   */
  verify(storedHash: string, password: string, mayPass?: () => boolean | Promise<boolean>): Promise<boolean>
  /** The same no, after the same time, for a user who does not exist. */
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
export function createPasswordHasher(options: PasswordHasherOptions): PasswordHasher {
  const { concurrency, queue, onDamagedHash } = options
  const limit = pLimit(concurrency)
  const nobodysHash = argon2id.hashSync(randomBytes(32).toString('base64url'))
  const padding = createFailurePadding({
    ownKind: schemeOf(nobodysHash).kind,
    otherKinds: options.otherKinds ?? (async () => []),
    // In its turn, though beyond the queue: there are few kinds, and each is measured once.
    measure: kind => limit(() => measure(kind)),
    onError: options.onUnknownKinds,
  })

  const takePlace = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (limit.activeCount + limit.pendingCount >= concurrency + queue) {
      throw new LatchkeyError('busy', { retryAfterSeconds: 1 })
    }
    return limit(work)
  }

  /** Whether a password matches, and when that was begun: waiting for a place does not count. */
  const attempt = async (storedHash: string, password: string): Promise<{ matches: boolean; startedAtMs: number }> => {
    const startedAtMs = performance.now()
    try {
      const { scheme, kind } = schemeOf(storedHash)
      const hashed = scheme.hashes === 'typed' ? password : normalizePassword(password)
      const matches = await scheme.verify(storedHash, hashed)
      padding.observe(kind, performance.now() - startedAtMs)
      return { matches, startedAtMs }
    } catch (error) {
      onDamagedHash?.(error as Error)
      await argon2id.verify(nobodysHash, normalizePassword(password))
      return { matches: false, startedAtMs }
    }
  }

  /** A failure is padded after it gave its place back: it costs time, and no more of the machine. */
  const verify: PasswordHasher['verify'] = async (storedHash, password, mayPass = () => true) => {
    const { matches, startedAtMs } = await takePlace(() => attempt(storedHash, password))
    const passes = matches && (await mayPass())
    if (!passes) await padding.settle(startedAtMs)
    return passes
  }

  return {
    hash: password => takePlace(() => argon2id.hash(normalizePassword(password))),

    verify,

    // Hash anyway, so that timing hides unknown users. Nobody's password is random, so this can't be true.
    verifyNobody: async password => (await verify(nobodysHash, password)) && false,

    needsUpgrade: storedHash => argon2id.isWeaker(storedHash),

    get pending() {
      return limit.activeCount + limit.pendingCount
    },
  }
}

/** How long it takes to verify a hash of this kind; undefined if that can't be done. */
async function measure(kind: string): Promise<number | undefined> {
  const startedAtMs = performance.now()
  try {
    const { scheme } = schemeOf(kind)
    await scheme.verify(kind + scheme.decoyTail, 'a password of nobody')
  } catch {
    return undefined
  }
  return performance.now() - startedAtMs
}
