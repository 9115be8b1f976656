import type { ConnectingVerifier } from './registry.js'

/** A verifier whose connection has ended. */
export interface ReleasedVerifier extends ConnectingVerifier {
  openedAtMs: number
  releasedAtMs: number
}

/**
 * The verifiers that were connected to this instance and may still accept tokens. Another server, after a failover, may
 * never have heard of them.
 */
export class RecentlyReleased {
  readonly #marginSeconds: number
  /** By verifier, its last connection to this instance. */
  readonly #verifiers = new Map<string, ReleasedVerifier>()

  /** @param marginSeconds - how much longer than its bound each is kept */
  constructor(marginSeconds: number) {
    this.#marginSeconds = marginSeconds
  }

  add(verifier: ReleasedVerifier): void {
    this.#verifiers.set(verifier.verifierId, verifier)
  }

  /** It has another connection to this instance. */
  remove({ verifierId }: ConnectingVerifier): void {
    this.#verifiers.delete(verifierId)
  }

  /** Those whose bounds of staleness are not over. The others are forgotten. */
  takeLive(nowMs: number): ReleasedVerifier[] {
    for (const [id, { releasedAtMs, maxStalenessSeconds }] of this.#verifiers) {
      const isLive = nowMs <= releasedAtMs + (maxStalenessSeconds + this.#marginSeconds) * 1000
      if (!isLive) this.#verifiers.delete(id)
    }
    return [...this.#verifiers.values()]
  }
}
