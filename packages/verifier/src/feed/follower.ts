import { randomUUID } from 'node:crypto'
import type { Transport } from '../transport/request.js'
import type { RequestFailure } from '../transport/request-failure.js'
import type { ClientToken } from './client-token.js'
import { Connection } from './connection.js'
import { ageMs } from './feed-progress.js'
import { FeedReader, type FeedReaderOptions } from './feed-reader.js'
import { ReconnectPace } from './reconnect-pace.js'

export interface FollowerOptions extends FeedReaderOptions {
  transport: Transport
  token: ClientToken
  /** How the service lists this verifier. */
  name: string
  maxStalenessSeconds: number
  /**
   * There is no connection any more, or none could be made.
   *
   * @param failure undefined if the service ended it in good order
   */
  onDisconnected(failure: RequestFailure | undefined): void
}

/**
 * Follows the feed of revocations until it is closed. A connection that must be replaced is read until the list is complete
 * over the next one, so that no revocation waits for a connection. If the next one fails, it is tried again meanwhile.
 */
export class Follower {
  readonly reader: FeedReader
  /** How many parts of answers were read, over all connections. */
  reads = 0
  readonly #options: FollowerOptions
  readonly #pace: ReconnectPace
  /** Sent with the next connection. */
  #nextVerifierId: string = randomUUID()
  /** The list is complete over this one. */
  #present: Connection | undefined
  /** It is being made. */
  #next: Connection | undefined
  /** Whether it was tried already to replace the present one. */
  #isReplacing = false
  #timer: NodeJS.Timeout | undefined
  #attemptAtMs = Number.POSITIVE_INFINITY
  readonly #running = new Set<Promise<void>>()
  #isClosed = false

  constructor(options: FollowerOptions) {
    this.#options = options
    this.reader = new FeedReader(options)
    this.#pace = new ReconnectPace({
      maxStalenessSeconds: options.maxStalenessSeconds,
      retryMs: () => this.reader.retryMs,
      ageMs: () => {
        const { monotonicMs, wallMs } = options.now()
        return ageMs(this.reader.progress, monotonicMs, wallMs)
      },
    })
  }

  /** Chosen here, and sent with each connection and each report. */
  get verifierId(): string {
    return this.#present?.verifierId ?? this.#nextVerifierId
  }

  /** Whether the service sends the feed at the moment. */
  get isConnected(): boolean {
    return this.#present !== undefined || this.#next?.isStarted === true
  }

  /** Whether the list is complete over a connection that is open. */
  get isComplete(): boolean {
    return this.#present !== undefined
  }

  start(): void {
    this.#connect()
  }

  /** Resolves when nothing is in progress. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    for (const connection of [this.#present, this.#next]) connection?.leave()
    this.#present = undefined
    this.#next = undefined
    await Promise.all(this.#running)
  }

  /** How long to wait at most after a failure: while the list is too old, users wait for the next attempt. */
  longestPauseMs(): number {
    return this.#pace.longestPauseMs()
  }

  #connect(): void {
    const { transport, token, name, maxStalenessSeconds, now } = this.#options
    this.#attemptAtMs = Number.POSITIVE_INFINITY
    this.#isReplacing = this.#present !== undefined
    const connection: Connection = new Connection({
      transport,
      token,
      reader: this.reader,
      verifierId: this.#nextVerifierId,
      name,
      maxStalenessSeconds,
      now,
      onRead: () => this.reads++,
      onComplete: () => this.#takeOver(connection),
      onReconnect: () => this.#replace(connection),
    })
    this.#next = connection
    const running = connection.follow().then(failure => {
      this.#running.delete(running)
      this.#ended(connection, failure)
    })
    this.#running.add(running)
  }

  /** The list is complete over this connection: the one before is not needed any more. */
  #takeOver(connection: Connection): void {
    if (connection !== this.#next) return
    this.#present?.leave()
    this.#present = connection
    this.#next = undefined
    this.#isReplacing = false
    this.#replace(connection)
  }

  /**
   * Opens another connection, if one is asked for. It is asked for only once it can be useful: before its list is complete, a
   * connection has nothing that could go on meanwhile.
   */
  #replace(connection: Connection): void {
    const withinMs = connection.replaceWithinMs
    if (withinMs === undefined || connection !== this.#present || this.#isReplacing) return
    this.#connectWithin(this.#pace.changePauseMs(connection, withinMs))
  }

  #ended(connection: Connection, failure: RequestFailure | undefined): void {
    const isPresent = connection === this.#present
    // One that was left changes nothing.
    if (this.#isClosed || (!isPresent && connection !== this.#next)) return
    const pauseMs = this.#pace.pauseMs(connection, failure)
    if (failure?.status === 409) this.#nextVerifierId = randomUUID()
    if (isPresent) this.#present = undefined
    else this.#next = undefined
    if (!this.isConnected) this.#options.onDisconnected(failure)
    if (!this.#next) this.#connectWithin(pauseMs)
  }

  /** An attempt that is due earlier stays. Nobody waits for it, so it does not keep the process running. */
  #connectWithin(ms: number): void {
    const atMs = performance.now() + ms
    if (atMs >= this.#attemptAtMs) return
    clearTimeout(this.#timer)
    this.#attemptAtMs = atMs
    this.#timer = setTimeout(() => this.#connect(), ms).unref()
  }
}
