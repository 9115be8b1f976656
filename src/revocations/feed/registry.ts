/**
 * Knows the verifiers that follow the feed, on every instance. Receipts wait for them, and operators list them. The feed
 * calls it; who has no registry serves observers only.
 */
export interface VerifierRegistry {
  /**
   * Registers a verifier, before its snapshot is read: from the commit on, receipts wait for it. A verifier that is
   * connected already, on any instance, gets a new connection: releasing the previous connection then does nothing.
   *
   * @returns `taken` if the id belongs to another client, `full` if the client has too many live verifiers
   * @throws LatchkeyError store_unavailable
   */
  register(verifier: ConnectingVerifier): Promise<'registered' | 'taken' | 'full'>
  /**
   * The connection has ended. The verifier stays live until its own bound of staleness is over, because it verifies that
   * long. Never rejects and never throws: a failure is logged, and the lease expires.
   *
   * @param hasList - false if the verifier cannot have a list yet: a new one is then forgotten, since it accepts no token
   */
  release(connectionId: string, hasList?: boolean): void
  /**
   * The feed sends no later `as_of_ms` (`performance.now()`). Verifiers count as live as long as their leases are renewed;
   * an instance that cannot renew them must not let them verify any longer than that.
   */
  readonly asOfLimitMs: number
}

export interface ConnectingVerifier {
  /** Chosen by the verifier's process; a UUID. */
  verifierId: string
  clientId: string
  /** For lists and receipts: 1 to 64 characters of `A-Za-z0-9_.:-`. */
  name: string
  /** How long the verifier verifies without news, counted from `as_of_ms`. */
  maxStalenessSeconds: number
  /** Chosen by the feed; a UUID. */
  connectionId: string
}

/** For an instance without a registry: every follower is an observer, and no receipt waits for it. */
export const observersOnly: VerifierRegistry = {
  register: async () => 'registered',
  release() {},
  asOfLimitMs: Number.POSITIVE_INFINITY,
}
