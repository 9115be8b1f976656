/** One way in which a stored password hash may have been made. */
export interface PasswordScheme {
  /** Whether the stored hash claims to be of this scheme. It may be damaged all the same. */
  matches(storedHash: string): boolean
  /**
   * Whether the password made this hash. The password is normalised already.
   *
   * @throws if the stored hash is damaged, or would cost more than this service is ready to spend on it.
   */
  verify(storedHash: string, password: string): Promise<boolean>
}
