import type { Principal } from '../core/index.js'
import { backOffMs } from '../transport/back-off.js'
import { requestNothing, type Transport } from '../transport/request.js'
import type { RequestFailure } from '../transport/request-failure.js'
import { type ClientToken, isRefusal } from './client-token.js'
import { Sightings, sessionsIn } from './sightings.js'

export interface ReportsOptions {
  transport: Transport
  token: ClientToken
  monotonic(): number
  /** What the follower has reached. */
  reached(): Reached
  /** Called after a report that succeeded, and with the failure if two in a row have failed. */
  onReported(failure: RequestFailure | undefined): void
}

export interface Reached {
  /** What the service knows this verifier by. */
  verifierId: string
  /** The position to confirm; undefined before the first complete list, and while there is no connection. */
  position: string | undefined
  /** The service wants to know it at most this often. */
  reportEveryMs: number
}

const PATH = '/auth/activity'
const TIMEOUT_MS = 5000
/** A closing verifier waits this long at most. */
const CLOSING_TIMEOUT_MS = 1000
const ACTIVITY_EVERY_MS = 1000
/** A position is confirmed this often even if nothing changes. */
const POSITION_EVERY_MS = 10_000
const REFUSED_PAUSE = { firstMs: 10_000, mostMs: 60_000 }

/**
 * Tells the service how far this verifier has applied the feed, for receipts, and which sessions were active here. No
 * verification waits for a report, and a failure changes nothing for one.
 */
export class Reports {
  readonly #options: ReportsOptions
  readonly #sightings = new Sightings()
  /** Whether the position covers revocations that no report has confirmed. */
  #isUrgent = false
  #sentAtMs = Number.NEGATIVE_INFINITY
  #notBeforeMs = Number.NEGATIVE_INFINITY
  #failures = 0
  #hasReported = false
  #sending: Promise<void> | undefined
  #controller: AbortController | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: ReportsOptions) {
    this.#options = options
  }

  /** How many sightings of sessions were not recorded or could not be reported. */
  get dropped(): number {
    return this.#sightings.dropped
  }

  /**
   * The session of this token is active. Called for each request, so it does as little as possible.
   *
   * @param nowMs the issuer's clock, in milliseconds since the epoch
   */
  record(principal: Principal, nowMs: number): void {
    if (this.#sightings.record(principal, nowMs) === 1) this.#schedule()
  }

  /** @param isUrgent whether the position covers new revocations: a receipt may be waiting for it */
  confirm(isUrgent: boolean): void {
    this.#isUrgent ||= isUrgent
    if (isUrgent || this.#timer === undefined) this.#schedule()
  }

  /** Reports the last activity, and that this verifier no longer has to be waited for. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await atMost(CLOSING_TIMEOUT_MS, this.#finish())
    this.#controller?.abort()
    this.#sightings.clear()
  }

  async #finish(): Promise<void> {
    // What is in progress would take the place of the last report.
    this.#controller?.abort()
    await this.#sending
    const isKnown = this.#hasReported || this.#options.reached().position !== undefined
    if (isKnown || this.#sightings.size > 0) await this.#send(true)
  }

  #schedule(): void {
    if (this.#isClosed || this.#sending) return
    const { position, reportEveryMs } = this.#options.reached()
    const sinceMs = [
      ...(position !== undefined ? [POSITION_EVERY_MS] : []),
      ...(position !== undefined && this.#isUrgent ? [reportEveryMs] : []),
      ...(this.#sightings.size > 0 ? [ACTIVITY_EVERY_MS] : []),
    ]
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (sinceMs.length === 0) return
    const dueMs = Math.max(this.#sentAtMs + Math.min(...sinceMs), this.#notBeforeMs)
    this.#timer = setTimeout(() => void this.#sendNow(), Math.max(0, dueMs - this.#options.monotonic())).unref()
  }

  async #sendNow(): Promise<void> {
    this.#timer = undefined
    this.#sending = this.#send(false)
    await this.#sending
    this.#sending = undefined
    this.#schedule()
  }

  /** Never rejects. */
  async #send(isClosing: boolean): Promise<void> {
    const { transport, token, monotonic, reached, onReported } = this.#options
    const { verifierId, position } = reached()
    const seen = this.#sightings.take()
    const controller = new AbortController()
    this.#controller = controller
    this.#isUrgent = false
    this.#sentAtMs = monotonic()
    let bearer: string | undefined
    try {
      bearer = await token.get()
      await requestNothing(transport, PATH, {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          verifier: verifierId,
          ...(position !== undefined && { position }),
          ...(seen.size > 0 && { sessions: sessionsIn(seen) }),
          ...(isClosing && { closing: true }),
        }),
        controller,
        timeoutMs: TIMEOUT_MS,
      })
      this.#failures = 0
      this.#hasReported = true
      onReported(undefined)
    } catch (error) {
      const failure = error as RequestFailure
      if (failure.status === 401 && bearer !== undefined) token.forget(bearer)
      this.#failures++
      this.#isUrgent = true
      // An idle connection may have been closed at that moment, and a receipt may be waiting.
      const isRepeatable = this.#failures === 1 && failure.kind === 'unreachable'
      const isFinal = this.#failures > 1 && isRefusal(failure) && failure.code !== 'verifier_not_found'
      const pauseMs = isRepeatable ? 0 : backOffMs(this.#failures, isFinal ? REFUSED_PAUSE : {})
      this.#notBeforeMs = monotonic() + pauseMs
      this.#sightings.putBack(seen)
      // One failure alone says little.
      if (!this.#isClosed && this.#failures > 1) onReported(failure)
    }
  }
}

/** Waits for the work, which never rejects, but not longer than this. */
async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
