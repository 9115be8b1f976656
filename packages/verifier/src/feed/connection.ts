import { chunksOf, openStream, type Transport } from '../transport/request.js'
import { RequestFailure } from '../transport/request-failure.js'
import { watchSilence } from '../transport/silence.js'
import { withoutHoldingTheProcess } from '../transport/unreferenced.js'
import type { ClientToken } from './client-token.js'
import { ConnectionReader } from './connection-reader.js'
import { ageMs, type Instant } from './feed-progress.js'
import type { FeedReader } from './feed-reader.js'

export interface ConnectionOptions {
  transport: Transport
  token: ClientToken
  reader: FeedReader
  /** How the service knows and lists this verifier. */
  verifierId: string
  name: string
  maxStalenessSeconds: number
  /** Both clocks of this machine. */
  now(): Instant
  /** A part of the answer has arrived. */
  onRead(): void
  /** The list is complete over this connection. */
  onComplete(): void
  /** Another connection is needed within `replaceWithinMs`. This one goes on. */
  onReconnect(): void
}

const PATH = '/auth/revocations'
const HEADERS_TIMEOUT_MS = 10_000
/** A heartbeat arrives every second. */
const SILENCE_MS = 5000
/** How long a connection over which the list has become too old is kept: usually the database comes back. */
const STUCK_MS = 15_000
/** A connection that lasted this long was not useless. */
const USEFUL_MS = 5000

/** One connection to the feed. */
export class Connection {
  /** Within what time another connection is needed; undefined if this one can go on. */
  replaceWithinMs: number | undefined
  readonly #options: ConnectionOptions
  readonly #controller = new AbortController()
  #reader: ConnectionReader | undefined
  #hasLeft = false

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  get verifierId(): string {
    return this.#options.verifierId
  }

  /** Whether the service has answered. */
  get isStarted(): boolean {
    return this.#reader?.isStarted ?? false
  }

  /** Whether it has brought news for some time, so that its end is no sign of a service that is not well. */
  get isUseful(): boolean {
    return this.isStarted && this.#reader!.lastedMs >= USEFUL_MS
  }

  /**
   * Sends the request, and reads the answer to its end. Never rejects.
   *
   * @returns undefined if the service ended the answer in good order, or after `leave`
   */
  async follow(): Promise<RequestFailure | undefined> {
    const { token } = this.#options
    let bearer: string | undefined
    try {
      bearer = await token.get()
      if (!this.#hasLeft) await this.#read(await this.#request(bearer))
      return undefined
    } catch (error) {
      if (this.#hasLeft) return undefined
      const failure = failureOf(error)
      if (failure.status === 401 && bearer !== undefined) token.forget(bearer)
      return failure
    } finally {
      this.#controller.abort()
    }
  }

  /** Ends it from here. */
  leave(): void {
    this.#hasLeft = true
    this.#controller.abort()
  }

  #request(bearer: string): Promise<Response> {
    const { transport, reader, verifierId, name, maxStalenessSeconds } = this.#options
    const { lastEventId } = reader.progress
    const query = { verifier: verifierId, name, max_staleness: String(maxStalenessSeconds) }
    const path = `${PATH}?${new URLSearchParams(query)}`
    this.#reader = new ConnectionReader(reader, {
      onComplete: this.#options.onComplete,
      onReconnect: withinMs => this.#askForAnother(withinMs),
    })
    return withoutHoldingTheProcess(path, () =>
      openStream(transport, path, {
        headers: {
          authorization: `Bearer ${bearer}`,
          accept: 'text/event-stream',
          ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
        },
        contentType: 'text/event-stream',
        controller: this.#controller,
        timeoutMs: HEADERS_TIMEOUT_MS,
      }),
    )
  }

  async #read(response: Response): Promise<void> {
    const { maxStalenessSeconds, onRead } = this.#options
    const decoder = new TextDecoder()
    const stuckAfterMs = maxStalenessSeconds * 1000 + STUCK_MS * (1 + Math.random())
    const silence = watchSilence(Math.min(SILENCE_MS, maxStalenessSeconds * 500), () => this.#controller.abort())
    try {
      for await (const chunk of chunksOf(response)) {
        silence.interrupt()
        onRead()
        this.#take(decoder.decode(chunk, { stream: true }))
        if (this.#isStuck(stuckAfterMs)) throw new RequestFailure('content', 'the instance that answers has no news')
      }
    } catch (error) {
      throw silence.wasTooLong ? new RequestFailure('timeout', 'nothing arrived on the feed of revocations') : error
    } finally {
      silence.stop()
    }
  }

  #take(text: string): void {
    const reader = this.#reader!
    reader.read(text)
    // This machine slept, or one of its clocks was set.
    if (reader.hasPartedClocks) this.#askForAnother(0)
  }

  #askForAnother(withinMs: number): void {
    this.replaceWithinMs = withinMs
    this.#options.onReconnect()
  }

  /** Whether the list has become too old over a working connection. Another instance may still reach the database. */
  #isStuck(afterMs: number): boolean {
    const { isComplete, lastedMs } = this.#reader!
    if (!isComplete || lastedMs < afterMs) return false
    const { monotonicMs, wallMs } = this.#options.now()
    return ageMs(this.#options.reader.progress, monotonicMs, wallMs) > afterMs
  }
}

function failureOf(error: unknown): RequestFailure {
  return error instanceof RequestFailure
    ? error
    : new RequestFailure('unreachable', `the feed of revocations was cut off: ${(error as Error).message}`)
}
