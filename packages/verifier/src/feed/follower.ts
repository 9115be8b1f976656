import { randomUUID } from 'node:crypto'
import { backOffMs } from '../transport/back-off.js'
import { chunksOf, openStream, type Transport } from '../transport/request.js'
import { RequestFailure } from '../transport/request-failure.js'
import { watchSilence } from '../transport/silence.js'
import { withoutHoldingTheProcess } from '../transport/unreferenced.js'
import { type ClientToken, isRefusal } from './client-token.js'
import { ageMs, mustReconnect } from './feed-progress.js'
import { FeedReader, type FeedReaderOptions } from './feed-reader.js'

export interface FollowerOptions extends Omit<FeedReaderOptions, 'onReconnect'> {
  transport: Transport
  token: ClientToken
  /** How the service lists this verifier. */
  name: string
  maxStalenessSeconds: number
  /** A connection has ended or could not be made; without a failure if the service ended it. */
  onDisconnected(failure: RequestFailure | undefined): void
}

const PATH = '/auth/revocations'
const HEADERS_TIMEOUT_MS = 10_000
/** A heartbeat arrives every second. */
const SILENCE_MS = 5000
const MAX_RETRY_MS = 10_000
/** The same while the list is too old. */
const STALE_RETRY_MS = 2000
/** Between attempts that fail until an operator corrects something. */
const REFUSED_PAUSE = { firstMs: 2500, mostMs: 30_000 }
/** How long a connection over which the list has become too old is kept: usually the database comes back. */
const STUCK_MS = 15_000
/** A connection that lasted this long was not useless. */
const USEFUL_MS = 5000

/** Follows the feed of revocations: connects, reads, and connects again, until it is closed. */
export class Follower {
  readonly reader: FeedReader
  /** How many parts of answers were read, over all connections. */
  reads = 0
  readonly #options: FollowerOptions
  #verifierId: string = randomUUID()
  #failures = 0
  #isClosed = false
  /** Why the present connection is ended from here, without a failure. */
  #isLeaving = false
  #leaving: NodeJS.Timeout | undefined
  #controller: AbortController | undefined
  #running: Promise<void> | undefined
  #endPause: (() => void) | undefined

  constructor(options: FollowerOptions) {
    this.#options = options
    this.reader = new FeedReader({ ...options, onReconnect: withinMs => this.#leaveWithin(withinMs) })
  }

  /** Chosen here, and sent with each connection and each report. */
  get verifierId(): string {
    return this.#verifierId
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Resolves when nothing is in progress. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#controller?.abort()
    this.#endPause?.()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      this.#isLeaving = false
      const failure = await this.#follow().then(
        () => undefined,
        (error: unknown) => (this.#isLeaving ? undefined : failureOf(error)),
      )
      const pauseMs = this.#pauseMs(failure)
      this.reader.disconnect()
      if (this.#isClosed) return
      this.#options.onDisconnected(failure)
      await this.#pause(pauseMs)
    }
  }

  #pauseMs(failure: RequestFailure | undefined): number {
    const { now, maxStalenessSeconds } = this.#options
    const { connection } = this.reader.progress
    const lastedMs = connection ? now().monotonicMs - connection.requestedAt.monotonicMs : 0
    const wasUseful = connection?.senderStartMs !== undefined && lastedMs >= USEFUL_MS
    if (wasUseful && (this.#isLeaving || failure === CLOCKS_PARTED)) return 0
    if (failure && !wasUseful) {
      this.#failures++
      const wantedMs = Math.random() * Math.min((failure.retryAfterSeconds ?? 0) * 1000, MAX_RETRY_MS)
      return Math.max(
        wantedMs,
        backOffMs(
          this.#failures,
          this.#failures > 1 && isRefusal(failure) ? REFUSED_PAUSE : { mostMs: this.longestPauseMs() },
        ),
      )
    }
    this.#failures = 0
    // The list must not become too old meanwhile, whatever the service asks for.
    return Math.random() * Math.min(this.reader.retryMs, MAX_RETRY_MS, maxStalenessSeconds * 250)
  }

  /** How long to wait at most after a failure: while the list is too old, users wait for the next attempt. */
  longestPauseMs(): number {
    const { now, maxStalenessSeconds } = this.#options
    const { monotonicMs, wallMs } = now()
    const leftMs = maxStalenessSeconds * 1000 - ageMs(this.reader.progress, monotonicMs, wallMs)
    return Math.min(MAX_RETRY_MS, Math.max(STALE_RETRY_MS, leftMs))
  }

  /** One connection, from the request to its end. Resolves if the service ended it. */
  async #follow(): Promise<void> {
    const { transport, token, name, maxStalenessSeconds } = this.#options
    const bearer = await token.get()
    if (this.#isClosed) return
    const controller = new AbortController()
    this.#controller = controller
    const { lastEventId } = this.reader.progress
    const query = { verifier: this.#verifierId, name, max_staleness: String(maxStalenessSeconds) }
    const path = `${PATH}?${new URLSearchParams(query)}`
    const read = this.reader.connect()
    try {
      const response = await withoutHoldingTheProcess(path, () =>
        openStream(transport, path, {
          headers: {
            authorization: `Bearer ${bearer}`,
            accept: 'text/event-stream',
            ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
          },
          contentType: 'text/event-stream',
          controller,
          timeoutMs: HEADERS_TIMEOUT_MS,
        }),
      )
      await this.#read(response, controller, read)
    } catch (error) {
      if (error instanceof RequestFailure && error.status === 401) token.forget(bearer)
      if (error instanceof RequestFailure && error.status === 409) this.#verifierId = randomUUID()
      throw error
    } finally {
      clearTimeout(this.#leaving)
      controller.abort()
    }
  }

  async #read(response: Response, controller: AbortController, read: (text: string) => void): Promise<void> {
    const { now, maxStalenessSeconds } = this.#options
    const decoder = new TextDecoder()
    const stuckAfterMs = maxStalenessSeconds * 1000 + STUCK_MS * (1 + Math.random())
    const silence = watchSilence(Math.min(SILENCE_MS, maxStalenessSeconds * 500), () => controller.abort())
    try {
      for await (const chunk of chunksOf(response)) {
        silence.interrupt()
        this.reads++
        read(decoder.decode(chunk, { stream: true }))
        if (mustReconnect(this.reader.progress, now())) throw CLOCKS_PARTED
        if (this.#isStuck(stuckAfterMs)) throw new RequestFailure('content', 'the instance that answers has no news')
      }
    } catch (error) {
      throw silence.wasTooLong ? new RequestFailure('timeout', 'nothing arrived on the feed of revocations') : error
    } finally {
      silence.stop()
    }
  }

  /** Whether the list has become too old over a working connection. Another instance may still reach the database. */
  #isStuck(afterMs: number): boolean {
    const { progress } = this.reader
    const { monotonicMs, wallMs } = this.#options.now()
    const { connection } = progress
    if (!connection?.isComplete || monotonicMs - connection.requestedAt.monotonicMs < afterMs) return false
    return ageMs(progress, monotonicMs, wallMs) > afterMs
  }

  /** The instance is stopping, or this connection is old: another instance may answer the next request. */
  #leaveWithin(ms: number): void {
    clearTimeout(this.#leaving)
    this.#leaving = setTimeout(() => {
      this.#isLeaving = true
      this.#controller?.abort()
    }, Math.random() * ms).unref()
  }

  /** Nobody waits for it, so it does not keep the process running. */
  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms).unref()
      this.#endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** Either clock of this machine has stopped or was set: instants before and after cannot be compared. */
const CLOCKS_PARTED = new RequestFailure('content', 'the clock of this machine was set, or the machine slept')

function failureOf(error: unknown): RequestFailure {
  return error instanceof RequestFailure
    ? error
    : new RequestFailure('unreachable', `the feed of revocations was cut off: ${(error as Error).message}`)
}
