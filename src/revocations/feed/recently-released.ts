import type { ConnectingVerifier } from './registry.js'
import { givenConnection, type VerifierStore } from './verifier-store.js'

/** A verifier whose connection has ended. */
export interface ReleasedVerifier extends ConnectingVerifier {
  openedAtMs: number
  releasedAtMs: number
  /** The server that has its row. */
  serverStart: string
}

export interface RecentlyReleasedOptions {
  store: Pick<VerifierStore, 'register' | 'release'>
  instance: string
  leaseSeconds: number
  /** How much longer than its bound each verifier is kept. */
  marginSeconds: number
}

/**
 * The verifiers that were connected to this instance and may still accept tokens. Another server, after a failover, may
 * never have heard of them.
 */
export class RecentlyReleased {
  readonly #options: RecentlyReleasedOptions
  /** By verifier, its last connection that ended here. It can have a newer one since, here or elsewhere. */
  readonly #verifiers = new Map<string, ReleasedVerifier>()

  constructor(options: RecentlyReleasedOptions) {
    this.#options = options
  }

  add(verifier: ReleasedVerifier): void {
    this.#verifiers.set(verifier.verifierId, verifier)
  }

  has(verifierId: string): boolean {
    return this.#verifiers.has(verifierId)
  }

  /** Whether this server knows all of them. */
  areRegisteredOn(serverStart: string): boolean {
    return this.#registeredElsewhere(serverStart).length === 0
  }

  /** Registers all of them that this server may not know, as verifiers that are cut off. */
  async registerOn(serverStart: string): Promise<void> {
    const { store, instance, leaseSeconds, marginSeconds } = this.#options
    for (;;) {
      // Further ones can have been added while the last statement was in progress.
      const verifiers = this.#registeredElsewhere(serverStart)
      if (verifiers.length === 0) return
      const given = verifiers.map(verifier => givenConnection(verifier, instance, verifier.openedAtMs))
      const answered = await store.register(given, leaseSeconds)
      await store.release(
        given.map(({ connectionId }) => ({ connectionId, hasNoList: false })),
        marginSeconds,
      )
      // One that was not registered has a newer connection there.
      for (const verifier of verifiers) verifier.serverStart = answered[0]!.serverStart
      if (answered[0]!.serverStart !== serverStart) return
    }
  }

  /** Those whose bounds of staleness are over are forgotten. */
  #registeredElsewhere(serverStart: string): ReleasedVerifier[] {
    const { marginSeconds } = this.#options
    const nowMs = performance.now()
    const found: ReleasedVerifier[] = []
    for (const [id, verifier] of this.#verifiers) {
      const isLive = nowMs <= verifier.releasedAtMs + (verifier.maxStalenessSeconds + marginSeconds) * 1000
      if (!isLive) this.#verifiers.delete(id)
      else if (verifier.serverStart !== serverStart) found.push(verifier)
    }
    return found
  }
}
