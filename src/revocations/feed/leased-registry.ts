import { type Batches, createBatches } from '../../lib/batches.js'
import { LatchkeyError } from '../../lib/errors.js'
import type { Log } from '../../lib/log.js'
import { type Repetition, repeat } from '../../lib/periodic.js'
import { RecentlyReleased, type ReleasedVerifier } from './recently-released.js'
import type { ConnectingVerifier, VerifierRegistry } from './registry.js'
import { Releases } from './releases.js'
import type { GivenConnection, RegisteredConnection, VerifierStore } from './verifier-store.js'

export interface LeasedRegistryOptions {
  store: VerifierStore
  /** The name of this instance, for operators. */
  instance: string
  log: Log
  renewEveryMs?: number
}

/**
 * How long after the last renewal a verifier can get news from this instance. So verifiers outlast an outage of Postgres
 * of this length; and those of an instance that was killed stay live this much longer.
 */
export const LEASE_SECONDS = 60
/** The clocks of two machines can run at slightly different speeds. */
export const MARGIN_SECONDS = 2
const RENEW_EVERY_MS = 5000

interface OpenVerifier extends ConnectingVerifier {
  openedAtMs: number
  /** When the statement was sent that last extended its lease. */
  leasedAtMs: number
  /** The server that has its row. */
  serverStart: string
  /** It was not known before this connection. */
  isNew: boolean
}

/**
 * Registers the verifiers that follow this instance, and renews their leases while they are connected. An instance that
 * cannot reach Postgres cannot renew them, and then sends no more news than the leases cover. So whatever happens, a
 * verifier that can accept a token is live in Postgres.
 */
export class LeasedRegistry implements VerifierRegistry {
  readonly #options: LeasedRegistryOptions
  readonly #registrations: Batches<GivenConnection, RegisteredConnection>
  readonly #releases: Releases
  readonly #renewal: Repetition
  /** By connection. */
  readonly #open = new Map<string, OpenVerifier>()
  readonly #registering = new Set<string>()
  readonly #released = new RecentlyReleased(MARGIN_SECONDS)
  #abandonedListener: (connectionId: string) => void = () => {}
  #asOfLimitMs = Number.POSITIVE_INFINITY
  #isReleasedDue = false

  constructor(options: LeasedRegistryOptions) {
    const { store, log, renewEveryMs: everyMs = RENEW_EVERY_MS } = options
    this.#options = options
    this.#registrations = createBatches({
      work: connections => store.register(connections, LEASE_SECONDS),
      keyOf: ({ verifierId }) => verifierId,
      delayMs: 5,
      maxItems: 500,
    })
    this.#releases = new Releases(store, MARGIN_SECONDS, log)
    this.#renewal = repeat({
      everyMs,
      task: 'renew the leases of verifiers that follow this instance',
      work: () => this.#renew(),
      log,
      level: 'warn',
    })
  }

  async register(verifier: ConnectingVerifier): Promise<'registered' | 'taken' | 'full'> {
    const { connectionId } = verifier
    const nowMs = performance.now()
    this.#registering.add(connectionId)
    try {
      const registered = await this.#registrations.add(this.#given(verifier, 0)).catch((error: unknown) => {
        // It may have been committed.
        this.#releases.add(connectionId)
        throw error
      })
      const { isRegistered, hasClient, hasPlace, serverStart, isNew } = registered
      if (!isRegistered && !hasClient) throw new LatchkeyError('token_invalid')
      if (!isRegistered) return hasPlace ? 'taken' : 'full'
      // If it was released meanwhile, the release found no row.
      if (!this.#registering.has(connectionId)) this.#releases.add(connectionId)
      else this.#open.set(connectionId, { ...verifier, openedAtMs: nowMs, leasedAtMs: nowMs, serverStart, isNew })
      this.#released.remove(verifier)
      this.#limit()
      return 'registered'
    } finally {
      this.#registering.delete(connectionId)
    }
  }

  release(connectionId: string, hasList = true): void {
    const verifier = this.#open.get(connectionId)
    if (this.#registering.delete(connectionId) || !verifier) return
    this.#open.delete(connectionId)
    const hasNoList = verifier.isNew && !hasList
    if (!hasNoList) this.#released.add({ ...verifier, releasedAtMs: performance.now() })
    this.#releases.add(connectionId, hasNoList)
    this.#limit()
  }

  get asOfLimitMs(): number {
    return this.#asOfLimitMs
  }

  /**
   * Calls the listener with a connection that must be ended: its verifier has another one, or is silent. If it is only
   * slow, it connects again.
   */
  onAbandoned(listener: (connectionId: string) => void): void {
    this.#abandonedListener = listener
  }

  /** Whether this server knows every verifier of this instance. */
  isRegisteredOn(serverStart: string): boolean {
    if (this.#isReleasedDue) return false
    for (const verifier of this.#open.values()) if (verifier.serverStart !== serverStart) return false
    return true
  }

  /** Another server may not know the verifiers: registers again all that are live. Never rejects. */
  serverReplaced(): Promise<void> {
    this.#isReleasedDue = true
    return this.#renewal.runNow()
  }

  /** Releases every connection that is still open. */
  async close(): Promise<void> {
    await this.#renewal.stop()
    await this.#registrations.settled()
    for (const connectionId of [...this.#open.keys()]) this.release(connectionId)
    await this.#releases.settled()
  }

  async #renew(): Promise<void> {
    this.#releases.tryAgain()
    const released = this.#released.takeLive(performance.now())
    if (this.#isReleasedDue && released.length > 0) await this.#registerReleasedAgain(released)
    this.#isReleasedDue = false
    if (this.#open.size === 0) return
    const begunAtMs = performance.now()
    const lost: OpenVerifier[] = []
    const open = [...this.#open.values()].map(verifier => {
      const { verifierId, connectionId } = verifier
      return { verifierId, connectionId, ageSeconds: this.#ageOf(verifier) }
    })
    for (const { connectionId, serverStart, ...renewed } of await this.#options.store.renew(open, LEASE_SECONDS)) {
      const verifier = this.#open.get(connectionId)
      if (verifier && renewed.isRenewed) Object.assign(verifier, { leasedAtMs: begunAtMs, serverStart })
      else if (verifier && renewed.isSuperseded) this.#endSuperseded(verifier)
      else if (verifier) lost.push(verifier)
      if (renewed.isRenewed && renewed.isSilent) this.#abandonedListener(connectionId)
    }
    if (lost.length > 0) await this.#registerAgain(lost)
    this.#limit()
  }

  /** A verifier that was cut off before a failover accepts tokens until its bound is over, whatever the server knows. */
  async #registerReleasedAgain(released: readonly ReleasedVerifier[]): Promise<void> {
    const given = released.map(verifier => this.#given(verifier, this.#ageOf(verifier)))
    await this.#options.store.register(given, LEASE_SECONDS)
    const ended = given.map(({ connectionId }) => ({ connectionId, hasNoList: false }))
    await this.#options.store.release(ended, MARGIN_SECONDS)
  }

  #ageOf({ openedAtMs }: { openedAtMs: number }): number {
    return Math.max(0.001, (performance.now() - openedAtMs) / 1000)
  }

  /** All in one statement: at the new server, receipts must wait for all of them or for none. */
  async #registerAgain(lost: readonly OpenVerifier[]): Promise<void> {
    const begunAtMs = performance.now()
    const newest = new Map<string, OpenVerifier>()
    for (const verifier of lost) {
      const other = newest.get(verifier.verifierId)
      if (other && other.openedAtMs > verifier.openedAtMs) this.#endSuperseded(verifier)
      else {
        if (other) this.#endSuperseded(other)
        newest.set(verifier.verifierId, verifier)
      }
    }
    const given = [...newest.values()].map(verifier => this.#given(verifier, this.#ageOf(verifier)))
    for (const { connectionId, isRegistered, serverStart } of await this.#options.store.register(
      given,
      LEASE_SECONDS,
    )) {
      const verifier = this.#open.get(connectionId)
      if (verifier && isRegistered) Object.assign(verifier, { leasedAtMs: begunAtMs, serverStart, isNew: false })
      else if (verifier) this.#endSuperseded(verifier)
    }
  }

  /** Its verifier has another connection, whose lease covers it. */
  #endSuperseded({ connectionId }: OpenVerifier): void {
    this.#open.delete(connectionId)
    this.#abandonedListener(connectionId)
  }

  #limit(): void {
    let oldestMs = Number.POSITIVE_INFINITY
    for (const { leasedAtMs } of this.#open.values()) oldestMs = Math.min(oldestMs, leasedAtMs)
    this.#asOfLimitMs = oldestMs + (LEASE_SECONDS - MARGIN_SECONDS) * 1000
  }

  #given({ verifierId, clientId, name, maxStalenessSeconds, connectionId }: ConnectingVerifier, ageSeconds: number) {
    const { instance } = this.#options
    return { verifierId, clientId, name, maxStalenessSeconds, connectionId, instance, ageSeconds }
  }
}
