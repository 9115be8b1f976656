import { type Batches, createBatches } from '../../lib/batches.js'
import { LatchkeyError } from '../../lib/errors.js'
import type { Log } from '../../lib/log.js'
import { type Repetition, repeat } from '../../lib/periodic.js'
import { RecentlyReleased } from './recently-released.js'
import type { ConnectingVerifier, VerifierRegistry } from './registry.js'
import { Releases } from './releases.js'
import {
  type GivenConnection,
  givenConnection,
  type RegisteredConnection,
  type VerifierStore,
} from './verifier-store.js'

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
/** How long after its renewal this instance relies on a lease. */
const LEASE_MS = (LEASE_SECONDS - MARGIN_SECONDS) * 1000
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
  readonly #released: RecentlyReleased
  #abandonedListener: (connectionId: string) => void = () => {}
  #asOfLimitMs = Number.POSITIVE_INFINITY
  /** The server that replaced another one last; undefined if none did. */
  #serverStart: string | undefined
  #isRenewalDue = false

  constructor(options: LeasedRegistryOptions) {
    const { store, instance, log, renewEveryMs: everyMs = RENEW_EVERY_MS } = options
    const [leaseSeconds, marginSeconds] = [LEASE_SECONDS, MARGIN_SECONDS]
    this.#options = options
    this.#registrations = createBatches({
      work: connections => store.register(connections, leaseSeconds),
      keyOf: ({ verifierId }) => verifierId,
      delayMs: 5,
      maxItems: 500,
    })
    this.#releases = new Releases(store, marginSeconds, log)
    this.#released = new RecentlyReleased({ store, instance, leaseSeconds, marginSeconds })
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
      const given = givenConnection(verifier, this.#options.instance)
      const registered = await this.#registrations.add(given).catch((error: unknown) => {
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
      this.#limit()
      if (this.#serverStart !== undefined && this.#serverStart !== serverStart) this.#renewSoon()
      return 'registered'
    } finally {
      this.#registering.delete(connectionId)
    }
  }

  release(connectionId: string, hasList = true): void {
    const verifier = this.#open.get(connectionId)
    if (this.#registering.delete(connectionId) || !verifier) return
    const hasNoList = verifier.isNew && !hasList && !this.#released.has(verifier.verifierId)
    if (hasNoList) this.#open.delete(connectionId)
    else this.#closed(verifier)
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

  /** Whether this server knows every verifier of this instance that may accept tokens. */
  isRegisteredOn(serverStart: string): boolean {
    for (const verifier of this.#open.values()) if (verifier.serverStart !== serverStart) return false
    return this.#released.areRegisteredOn(serverStart)
  }

  /** This server may not know the verifiers: registers again all that may accept tokens. Never rejects. */
  serverReplaced(serverStart: string): Promise<void> {
    this.#serverStart = serverStart
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
    this.#isRenewalDue = false
    this.#releases.tryAgain()
    if (this.#open.size > 0) await this.#renewOpen()
    // Afterwards: connections can have ended meanwhile.
    if (this.#serverStart !== undefined) await this.#released.registerOn(this.#serverStart)
  }

  async #renewOpen(): Promise<void> {
    const begunAtMs = performance.now()
    const lost: OpenVerifier[] = []
    const open = [...this.#open.values()].map(({ verifierId, connectionId }) => ({ verifierId, connectionId }))
    for (const { connectionId, serverStart, ...renewed } of await this.#options.store.renew(open, LEASE_SECONDS)) {
      const verifier = this.#open.get(connectionId)
      if (!verifier) continue
      const isLeased = begunAtMs <= verifier.leasedAtMs + LEASE_MS
      if (renewed.isRenewed) Object.assign(verifier, { leasedAtMs: begunAtMs, serverStart })
      else if (isLeased && serverStart !== verifier.serverStart) lost.push(verifier)
      else this.#abandon(verifier)
      if (renewed.isRenewed && renewed.isSilent) this.#abandonedListener(connectionId)
    }
    if (lost.length > 0) await this.#registerAgain(lost)
    this.#limit()
  }

  /** All in one statement: at the new server, receipts must wait for all of them or for none. */
  async #registerAgain(lost: readonly OpenVerifier[]): Promise<void> {
    const { store, instance } = this.#options
    const begunAtMs = performance.now()
    const newest = new Map<string, OpenVerifier>()
    for (const verifier of lost) {
      const other = newest.get(verifier.verifierId)
      if (other && other.openedAtMs > verifier.openedAtMs) this.#abandon(verifier)
      else {
        if (other) this.#abandon(other)
        newest.set(verifier.verifierId, verifier)
      }
    }
    const given = [...newest.values()].map(verifier => givenConnection(verifier, instance, verifier.openedAtMs))
    for (const { connectionId, isRegistered, serverStart } of await store.register(given, LEASE_SECONDS)) {
      const verifier = this.#open.get(connectionId)
      if (verifier && isRegistered) Object.assign(verifier, { leasedAtMs: begunAtMs, serverStart, isNew: false })
      else if (verifier) this.#abandon(verifier)
    }
  }

  /**
   * Its verifier has another connection, or its lease has ended. Receipts did not wait for it since then, and what this
   * instance has can have become incomplete: only a new connection, which reads the journal after its registration,
   * makes it complete.
   */
  #abandon(verifier: OpenVerifier): void {
    this.#closed(verifier)
    this.#abandonedListener(verifier.connectionId)
  }

  #closed(verifier: OpenVerifier): void {
    this.#open.delete(verifier.connectionId)
    this.#released.add({ ...verifier, releasedAtMs: performance.now() })
  }

  #renewSoon(): void {
    if (!this.#isRenewalDue) void this.#renewal.runNow()
    this.#isRenewalDue = true
  }

  #limit(): void {
    let oldestMs = Number.POSITIVE_INFINITY
    for (const { leasedAtMs } of this.#open.values()) oldestMs = Math.min(oldestMs, leasedAtMs)
    this.#asOfLimitMs = oldestMs + LEASE_MS
  }
}
