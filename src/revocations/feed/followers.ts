import type { Log } from '../../lib/log.js'
import type { Follower } from './follower.js'
import { returnWindowMs } from './pace.js'
import { Pump, type Urgency } from './pump.js'

/** For so long a follower can read nothing of what is written to it. */
const STALL_MS = 15_000
/** So much can be waiting for a follower. It is in memory once, for all of them. */
const MAX_LAG_BYTES = 16 * 1024 * 1024
const SLOW_LOG_EVERY_MS = 60_000

export interface SlowLimits {
  stallMs: number
  lagBytes: number
}

/** The followers of this instance, and which of them must go. */
export class Followers<Client extends { clientId: string }> {
  readonly #byConnection = new Map<string, Follower<Client>>()
  readonly #byVerifier = new Map<string, Follower<Client>>()
  /** The connection that the verifier of a follower had before, and has until the new one has brought its list. */
  readonly #previous = new Map<Follower<Client>, Follower<Client>>()
  readonly #pump = new Pump(() => this.#byConnection.values())
  readonly #log: Log
  readonly #limits: SlowLimits
  /** Since the last line about them. */
  #slow = 0
  #slowLoggedAtMs = Number.NEGATIVE_INFINITY
  /** How many were disconnected because they read too slowly. */
  slowCount = 0

  constructor(log: Log, limits: SlowLimits = { stallMs: STALL_MS, lagBytes: MAX_LAG_BYTES }) {
    this.#log = log
    this.#limits = limits
  }

  get size(): number {
    return this.#byConnection.size
  }

  get verifierCount(): number {
    return this.#byVerifier.size
  }

  /** How far the slowest one is behind, by the bytes that it was not sent, and by the time for which it read nothing. */
  slowest(nowMs: number): { lagBytes: number; blockedMs: number } {
    let lagBytes = 0
    let blockedMs = 0
    for (const follower of this) {
      lagBytes = Math.max(lagBytes, follower.lagBytes)
      blockedMs = Math.max(blockedMs, follower.blockedMs(nowMs))
    }
    return { lagBytes, blockedMs }
  }

  [Symbol.iterator](): IterableIterator<Follower<Client>> {
    return this.#byConnection.values()
  }

  add(follower: Follower<Client>): void {
    const { connectionId, verifierId, maxStalenessSeconds } = follower.options
    this.#byConnection.set(connectionId, follower)
    if (verifierId !== undefined) {
      const previous = this.#byVerifier.get(verifierId)
      this.#byVerifier.set(verifierId, follower)
      if (previous) this.#previous.set(follower, previous)
    }
    follower.sendRetry(returnWindowMs(this.size, maxStalenessSeconds))
    this.#pump.request(follower)
  }

  remove(follower: Follower<Client>): void {
    const { connectionId, verifierId } = follower.options
    this.#byConnection.delete(connectionId)
    const previous = this.#previous.get(follower)
    this.#previous.delete(follower)
    if (verifierId === undefined || this.#byVerifier.get(verifierId) !== follower) return
    // It has brought no list, so the one before goes on.
    if (previous && this.#byConnection.has(previous.options.connectionId)) this.#byVerifier.set(verifierId, previous)
    else this.#byVerifier.delete(verifierId)
  }

  /** This follower was sent its whole list, so its verifier needs no other connection. */
  endPrevious(follower: Follower<Client>): void {
    for (let previous = this.#previous.get(follower); previous; ) {
      const earlier = this.#previous.get(previous)
      previous.end()
      previous = earlier
    }
    this.#previous.delete(follower)
  }

  get(connectionId: string): Follower<Client> | undefined {
    return this.#byConnection.get(connectionId)
  }

  /** There is something to write to this follower. */
  pump(follower: Follower<Client>): void {
    this.#pump.request(follower)
  }

  /** There is something to write to all of them. */
  pumpAll(urgency: Urgency): void {
    this.#pump.requestAll(urgency)
  }

  /**
   * Disconnects those that read too slowly or have been connected for long enough, and tells the others how long to wait
   * before they come back, if that has changed.
   */
  tidy(nowMs: number): void {
    for (const follower of [...this]) {
      const { endsAtMs, maxStalenessSeconds } = follower.options
      const windowMs = returnWindowMs(this.size, maxStalenessSeconds)
      if (follower.isSlow(nowMs, this.#limits)) this.#drop(follower)
      else if (nowMs >= endsAtMs) follower.end()
      else if (nowMs < endsAtMs - windowMs) follower.sendRetry(windowMs)
      else if (!follower.hasReconnect) follower.sendReconnect(windowMs, windowMs, nowMs)
    }
    this.#logSlow(nowMs)
  }

  /**
   * Asks all followers to connect to another instance, spread over some time. Half of the time is for the connections: who
   * comes to an instance that is stopping must try again.
   *
   * @param forMs - how long they are still served; 0 leaves no time to ask
   */
  sendReconnect(forMs: number): void {
    if (forMs === 0) return
    const nowMs = performance.now()
    for (const follower of [...this]) {
      const windowMs = returnWindowMs(this.size, follower.options.maxStalenessSeconds)
      follower.sendReconnect(Math.min(windowMs, Math.floor(forMs / 2)), windowMs, nowMs)
    }
  }

  endAll(): void {
    for (const follower of [...this]) follower.end()
  }

  #drop(follower: Follower<Client>): void {
    follower.destroy()
    this.#slow++
    this.slowCount++
  }

  /** One line a minute, however many there are. */
  #logSlow(nowMs: number): void {
    if (this.#slow === 0 || nowMs - this.#slowLoggedAtMs < SLOW_LOG_EVERY_MS) return
    const [count, verb] = this.#slow === 1 ? ['1 follower', 'was'] : [`${this.#slow} followers`, 'were']
    this.#log.warn(`${count} of the revocation feed ${verb} disconnected, because they read too slowly`)
    this.#slow = 0
    this.#slowLoggedAtMs = nowMs
  }
}
