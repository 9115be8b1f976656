import { backOffMs } from '../transport/back-off.js'
import type { RequestFailure } from '../transport/request-failure.js'
import { isRefusal } from './client-token.js'

export interface ReconnectPaceOptions {
  maxStalenessSeconds: number
  /** How long the service asks to wait, at most. */
  retryMs(): number
  /** How old the list is. */
  ageMs(): number
}

const MAX_RETRY_MS = 10_000
/** The same while the list is too old. */
const STALE_RETRY_MS = 2000
/** Between attempts that fail until an operator corrects something. */
const REFUSED_PAUSE = { firstMs: 2500, mostMs: 30_000 }
/**
 * After a connection that was useful ends, the first attempt follows within this part of the time for which the service asks:
 * 250 ms if it has few followers, and about a second if it has thousands, which all lost their connections perhaps.
 */
const FIRST_ATTEMPT_PART = 1 / 8

/** Decides how long a follower waits before its next attempt. */
export class ReconnectPace {
  readonly #options: ReconnectPaceOptions
  #failures = 0

  constructor(options: ReconnectPaceOptions) {
    this.#options = options
  }

  /**
   * The pause after a connection has ended or could not be made.
   *
   * @param failure undefined if the service ended it in good order
   */
  pauseMs({ isUseful }: { isUseful: boolean }, failure: RequestFailure | undefined): number {
    if (failure && !isUseful) return this.#failedPauseMs(failure)
    this.#failures = 0
    return this.#randomPauseMs() * (isUseful ? FIRST_ATTEMPT_PART : 1)
  }

  /** The pause before another connection is opened beside one that goes on, for which the service asks. */
  changePauseMs({ isUseful }: { isUseful: boolean }, withinMs: number): number {
    const wantedMs = Math.random() * withinMs
    // A service that asks on every connection gets no more requests than one that ends every connection.
    return isUseful ? wantedMs : Math.max(wantedMs, this.#randomPauseMs())
  }

  /** How long to wait at most after a failure: while the list is too old, users wait for the next attempt. */
  longestPauseMs(): number {
    const leftMs = this.#options.maxStalenessSeconds * 1000 - this.#options.ageMs()
    return Math.min(MAX_RETRY_MS, Math.max(STALE_RETRY_MS, leftMs))
  }

  #failedPauseMs(failure: RequestFailure): number {
    this.#failures++
    const wantedMs = Math.random() * Math.min((failure.retryAfterSeconds ?? 0) * 1000, MAX_RETRY_MS)
    const isRefused = this.#failures > 1 && isRefusal(failure)
    return Math.max(wantedMs, backOffMs(this.#failures, isRefused ? REFUSED_PAUSE : { mostMs: this.longestPauseMs() }))
  }

  /** The list must not become too old meanwhile, whatever the service asks for. */
  #randomPauseMs(): number {
    const { retryMs, maxStalenessSeconds } = this.#options
    return Math.random() * Math.min(retryMs(), MAX_RETRY_MS, maxStalenessSeconds * 250)
  }
}
