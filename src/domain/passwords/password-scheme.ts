/** The cost of a verification, as the hash itself states it. */
export interface HashCost {
  /** The usual name of the function. */
  name: string
  /** Its parameters as text: `cost 14`. */
  parameters: string
  /** How much work it is; only hashes of one function can be compared. */
  work: number
}

/** A scheme of stored password hashes. */
export interface PasswordScheme {
  /**
   * Matches the start of a hash of this scheme, with its cost: its *kind*. Hashes of one kind take the same time. A
   * hash that matches can still be damaged.
   */
  readonly kind: RegExp
  /** Whether it hashes the normalised password or, as other systems do, the password as it was typed. */
  readonly hashes: 'normalised' | 'typed'
  /**
   * @throws TypeError if the stored hash is damaged, RangeError if it costs more than this service accepts. The message
   *   never contains the hash.
   */
  check(storedHash: string): void
  /**
   * What a verification costs.
   *
   * @throws as `check` does
   */
  costOf(storedHash: string): HashCost
  /**
   * Whether the password made this hash.
   *
   * @throws as `check` does
   */
  verify(storedHash: string, password: string): Promise<boolean>
}
