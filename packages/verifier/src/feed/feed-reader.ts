import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Revocation } from '../core/index.js'
import { RequestFailure } from '../transport/request-failure.js'
import { decodeHeartbeat, decodeReconnect, decodeRevocations, decodeStart, FEED_VERSION } from './feed-format.js'
import {
  advanced,
  connecting,
  disconnected,
  type FeedProgress,
  type FeedStep,
  type Instant,
  NO_PROGRESS,
} from './feed-progress.js'
import { IssuerClock } from './issuer-clock.js'

export interface FeedReaderOptions {
  /** Both clocks of this machine. */
  now(): Instant
  /** The first event of a connection has arrived. */
  onConnected(): void
  onRevocations(revocations: readonly Revocation[]): void
  /**
   * Called after each heartbeat by which the list is complete.
   *
   * @param isNews whether the position should be reported at once: it covers revocations that it did not cover before
   */
  onHeartbeat(isNews: boolean): void
  /** The service asks for another connection within this time. */
  onReconnect(withinMs: number): void
}

/** An event has at most 500 entries of some hundred bytes. */
const MAX_EVENT_LENGTH = 1024 * 1024

/** Reads the events of the feed, over all connections. */
export class FeedReader {
  /** The issuer's clock, as the feed tells it. */
  readonly clock = new IssuerClock()
  /** The service wants to know the position at most this often. */
  reportEveryMs = 1000
  /** How long the service asks to wait before the next connection, at most. */
  retryMs = 1000
  /** How many entries and events only a newer version of this package knows. */
  unknown = 0
  /** How many entries could not be read. */
  malformed = 0
  progress: FeedProgress = NO_PROGRESS
  readonly #options: FeedReaderOptions
  #isNews = false

  constructor(options: FeedReaderOptions) {
    this.#options = options
  }

  /**
   * A request is sent now.
   *
   * @returns what reads the text of the answer, in the parts in which it arrives. It throws a RequestFailure if the text
   *   is not the feed.
   */
  connect(): (text: string) => void {
    this.progress = connecting(this.progress, this.#options.now())
    this.#isNews = true
    const parser = createParser({
      onEvent: event => this.#take(event),
      onRetry: ms => {
        this.retryMs = ms
      },
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') throw broken(`an event is longer than ${MAX_EVENT_LENGTH} characters`)
      },
      maxBufferSize: MAX_EVENT_LENGTH,
    })
    return text => parser.feed(text)
  }

  disconnect(): void {
    this.progress = disconnected(this.progress)
  }

  #take({ event = '', data, id }: EventSourceMessage): void {
    if (!EVENTS.has(event)) {
      this.unknown++
      return
    }
    const isStarted = this.progress.connection?.senderStartMs !== undefined
    if (isStarted === (event === 'start')) throw broken('the event `start` must be the first one, and the only one')
    if (event === 'start') this.#takeStart(data)
    else if (event === 'revocations') this.#takeRevocations(data)
    else if (event === 'heartbeat') this.#takeHeartbeat(data, id)
    else this.#options.onReconnect(decodeReconnect(data) ?? 0)
  }

  #takeStart(data: string): void {
    const start = decodeStart(data)
    if (!start) throw broken('the event `start` has another form')
    if (start.version !== FEED_VERSION)
      throw broken(`this version of @latchkey/verifier cannot read version ${start.version}`)
    this.#advance({ type: 'start', nowMs: start.nowMs }, start)
    this.#options.onConnected()
  }

  #takeRevocations(data: string): void {
    const { revocations, unknown, malformed } = decodeRevocations(data)
    this.#isNews = true
    this.unknown += unknown
    this.malformed += malformed
    this.#options.onRevocations(revocations)
  }

  #takeHeartbeat(data: string, id: string | undefined): void {
    const heartbeat = decodeHeartbeat(data)
    if (!heartbeat || (id !== undefined && !EVENT_ID.test(id))) throw broken('an event `heartbeat` has another form')
    const { asOfMs, position } = heartbeat
    this.#advance({ type: 'heartbeat', asOfMs, id, position }, heartbeat)
    if (!this.progress.connection?.isComplete) return
    const isNews = this.#isNews && position !== undefined
    if (isNews) this.#isNews = false
    this.#options.onHeartbeat(isNews)
  }

  #advance(step: FeedStep, { timeMs, reportEveryMs }: { timeMs: number; reportEveryMs: number | undefined }): void {
    const receivedAt = this.#options.now()
    this.progress = advanced(this.progress, step, receivedAt)
    this.clock.compare(timeMs, receivedAt.monotonicMs)
    this.reportEveryMs = reportEveryMs ?? this.reportEveryMs
  }
}

const EVENTS = new Set(['start', 'revocations', 'heartbeat', 'reconnect'])
/** It is sent back in a header. Its parts are the business of the service. */
const EVENT_ID = /^[\x21-\x7e]{1,200}$/

function broken(problem: string): RequestFailure {
  return new RequestFailure('content', `the feed of revocations is not valid: ${problem}`)
}
