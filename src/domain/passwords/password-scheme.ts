/** What a hash says of the time that it takes. */
export interface HashCost {
  /** The function, as people know it. */
  name: string
  /** Its parameters, in words: `cost 14`. */
  parameters: string
  /** How much work they are, to compare hashes of one function by. */
  work: number
}

/** One way in which a stored password hash may have been made. */
export interface PasswordScheme {
  /**
   * Matches how a hash of this scheme begins, costs included: its *kind*. Hashes of one kind take the same time. What
   * begins so may be damaged all the same.
   */
  readonly kind: RegExp
  /** Whether it hashes the normalised password, or what was typed as it is, as other systems do. */
  readonly hashes: 'normalised' | 'typed'
  /**
   * @throws if the stored hash is damaged, or would cost more than this service is ready to spend on it. Never quotes
   *   the hash.
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
