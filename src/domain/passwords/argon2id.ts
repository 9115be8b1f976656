import { nativeHashes } from './native-hashes.js'
import type { HashCost, PasswordScheme } from './password-scheme.js'

/**
 * The scheme of new hashes: argon2id (RFC 9106) with 19 MiB, two passes and one lane, as the OWASP Password Storage
 * Cheat Sheet recommends. Hashes of argon2i and argon2d from older systems can be verified too. `@node-rs/argon2` makes
 * argon2id, version 19, by default.
 */
export const argon2id = {
  kind: /^\$argon2(?:id|i|d)\$(?:v=\d{1,3}\$)?[^$]{1,64}/,
  hashes: 'normalised',

  check(storedHash: string): void {
    const { memoryCost, timeCost, parallelism, saltLen, outputLen } = nativeHashes().argon2.parseOptions(storedHash)
    if (memoryCost > limits.memoryCost || timeCost > limits.timeCost || parallelism > limits.parallelism) {
      throw new RangeError(`an argon2 hash of m=${memoryCost},t=${timeCost},p=${parallelism} costs too much to verify`)
    }
    const isPossible = timeCost >= 1 && parallelism >= 1 && memoryCost >= 8 * parallelism
    if (!isPossible || (saltLen ?? 0) < 8 || (outputLen ?? 0) < 16) throw new TypeError('an argon2 hash is damaged')
  },

  costOf(storedHash: string): HashCost {
    const { memoryCost, timeCost, parallelism } = nativeHashes().argon2.parseOptions(storedHash)
    const name = storedHash.slice(1, storedHash.indexOf('$', 1))
    return { name, parameters: `m=${memoryCost}, t=${timeCost}, p=${parallelism}`, work: memoryCost * timeCost }
  },

  async verify(storedHash: string, password: string): Promise<boolean> {
    this.check(storedHash)
    return nativeHashes().argon2.verify(storedHash, password)
  },

  /** A new hash with a random salt, as a PHC string. The password must be normalised. */
  hash: (password: string): Promise<string> => nativeHashes().argon2.hash(password, costs),

  /** The same, on the calling thread: only for the start of the process. */
  hashSync: (password: string): string => nativeHashes().argon2.hashSync(password, costs),

  /** The work of a new hash; see {@link HashCost}. */
  get ownWork(): number {
    return costs.memoryCost * costs.timeCost
  },

  /** Whether the stored hash is weaker than a new one, has another scheme, or is damaged. */
  isWeaker(storedHash: string): boolean {
    if (!storedHash.startsWith('$argon2id$v=19$')) return true
    try {
      const { memoryCost, timeCost, parallelism } = nativeHashes().argon2.parseOptions(storedHash)
      return memoryCost < costs.memoryCost || timeCost < costs.timeCost || parallelism < costs.parallelism
    } catch {
      return true
    }
  },
} satisfies PasswordScheme & Record<string, unknown>

/** The cost of new hashes; `memoryCost` is in KiB. Only tests change it, so that a sign-up takes a millisecond. */
export const costs = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/**
 * The highest cost of a stored hash (256 MiB, 16 passes, 16 lanes). A hash contains its own cost, so without a limit
 * one wrong digit could use all memory: with m=4294967295 the kernel kills the whole process.
 */
const limits = { memoryCost: 262_144, timeCost: 16, parallelism: 16 }
