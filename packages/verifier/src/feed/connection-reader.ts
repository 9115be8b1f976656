import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { RequestFailure } from '../transport/request-failure.js'
import { decodeHeartbeat, decodeReconnect, decodeRevocations, decodeStart, FEED_VERSION } from './feed-format.js'
import { connecting, type FeedConnection, type FeedProgress, type FeedStep, mustReconnect } from './feed-progress.js'
import type { FeedReader } from './feed-reader.js'

/** An event has at most 500 entries of some hundred bytes. */
const MAX_EVENT_LENGTH = 1024 * 1024

export interface ConnectionEvents {
  /** The snapshot, or the part that was missed, has been read. Called before the heartbeat that says so counts. */
  onComplete(): void
  /** The service asks for another connection within this time. */
  onReconnect(withinMs: number): void
}

/** Reads the events of one connection. */
export class ConnectionReader {
  readonly #feed: FeedReader
  readonly #events: ConnectionEvents
  readonly #parser
  #connection: FeedConnection
  /** Whether entries were read that no position has covered: at first, what it brings is not known yet. */
  #isNews = true

  /** The request is sent now. */
  constructor(feed: FeedReader, events: ConnectionEvents) {
    this.#feed = feed
    this.#connection = connecting(feed.progress, feed.options.now()).connection!
    this.#events = events
    this.#parser = createParser({
      onEvent: event => this.#take(event),
      onRetry: ms => {
        feed.retryMs = ms
      },
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') throw broken(`an event is longer than ${MAX_EVENT_LENGTH} characters`)
      },
      maxBufferSize: MAX_EVENT_LENGTH,
    })
  }

  /** What is known of the feed, and of this connection. */
  get progress(): FeedProgress & { connection: FeedConnection } {
    return { ...this.#feed.progress, connection: this.#connection }
  }

  get isStarted(): boolean {
    return this.#connection.senderStartMs !== undefined
  }

  /** Whether the snapshot, or the part that was missed, has been read. */
  get isComplete(): boolean {
    return this.#connection.isComplete
  }

  /** Whether only a new request gives instants that can be compared. */
  get hasPartedClocks(): boolean {
    return mustReconnect(this.progress, this.#feed.options.now())
  }

  /** For how many milliseconds it has lasted, from the request on. */
  get lastedMs(): number {
    return this.#feed.options.now().monotonicMs - this.#connection.requestedAt.monotonicMs
  }

  /**
   * Reads text, in the parts in which it arrives.
   *
   * @throws RequestFailure if the text is not the feed
   */
  read(text: string): void {
    this.#parser.feed(text)
  }

  #take({ event = '', data, id }: EventSourceMessage): void {
    if (!EVENTS.has(event)) {
      this.#feed.unknown++
      return
    }
    if (this.isStarted === (event === 'start'))
      throw broken('the event `start` must be the first one, and the only one')
    if (event === 'start') this.#takeStart(data)
    else if (event === 'revocations') this.#takeRevocations(data)
    else if (event === 'heartbeat') this.#takeHeartbeat(data, id)
    else this.#events.onReconnect(decodeReconnect(data) ?? 0)
  }

  #takeStart(data: string): void {
    const start = decodeStart(data)
    if (!start) throw broken('the event `start` has another form')
    if (start.version !== FEED_VERSION)
      throw broken(`this version of @latchkey/verifier cannot read version ${start.version}`)
    this.#advance({ type: 'start', nowMs: start.nowMs }, start)
    this.#feed.options.onConnected()
  }

  #takeRevocations(data: string): void {
    const { revocations, unknown, malformed } = decodeRevocations(data)
    this.#isNews = true
    this.#feed.unknown += unknown
    this.#feed.malformed += malformed
    this.#feed.options.onRevocations(revocations)
  }

  #takeHeartbeat(data: string, id: string | undefined): void {
    const heartbeat = decodeHeartbeat(data)
    if (!heartbeat || (id !== undefined && !EVENT_ID.test(id))) throw broken('an event `heartbeat` has another form')
    const { asOfMs, position } = heartbeat
    const wasComplete = this.isComplete
    this.#advance({ type: 'heartbeat', asOfMs, id, position }, heartbeat)
    if (!this.isComplete) return
    if (!wasComplete) this.#events.onComplete()
    const isNews = this.#isNews && position !== undefined
    if (isNews) this.#isNews = false
    this.#feed.options.onHeartbeat(isNews)
  }

  #advance(step: FeedStep, facts: { timeMs: number; reportEveryMs: number | undefined }): void {
    this.#connection = this.#feed.advance(this.progress, step, facts).connection!
  }
}

const EVENTS = new Set(['start', 'revocations', 'heartbeat', 'reconnect'])
/** It is sent back in a header. Its parts are the business of the service. */
const EVENT_ID = /^[\x21-\x7e]{1,200}$/

function broken(problem: string): RequestFailure {
  return new RequestFailure('content', `the feed of revocations is not valid: ${problem}`)
}
